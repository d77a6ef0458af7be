import { NO_GRANTS } from '../../../core/model/permission.js';
import { NO_MEMBERSHIPS } from '../membership/memberships.service.js';
import { toActivityDays, toTotals, type ActivityRow } from './daily-activity.js';
import { usageScope } from './usage-scope.js';

const row = (day: string, dimension: string | null, value: string | null, requests: number): ActivityRow => ({
  day,
  dimension,
  value,
  requests,
  successes: requests - 1,
  durationMs: requests * 10,
});

describe('activity by day', () => {
  const rows = [
    row('2026-01-01', null, null, 5),
    row('2026-01-02', null, null, 3),
    row('2026-01-01', 'tool', 'wiki/search', 4),
    row('2026-01-02', 'tool', 'wiki/search', 2),
    row('2026-01-01', 'key', 'key-id', 5),
    row('2026-01-01', 'team', '__proto__', 5),
  ];

  test('is newest first, each day with its own breakdown, whatever things are called', () => {
    const days = toActivityDays(rows, 'team', (dimension, value) => ({
      name: dimension === 'key' ? 'hash' : value,
      metadata: dimension === 'key' ? { key_alias: 'mine' } : {},
    }));
    expect(days.map(({ date }) => date)).toEqual(['2026-01-02', '2026-01-01']);
    expect(days[1]).toMatchObject({
      metrics: { api_requests: 5, successful_requests: 4, failed_requests: 1 },
      breakdown: {
        mcp_servers: { 'wiki/search': { metrics: { api_requests: 4 } } },
        api_keys: { hash: { metadata: { key_alias: 'mine' } } },
      },
    });
    expect(Object.keys(days[1]?.breakdown.entities ?? {})).toEqual(['__proto__']);
    expect(days[0]?.breakdown).toMatchObject({ api_keys: {}, entities: {} });
  });

  test('totals count each call once', () => {
    expect(toTotals(rows)).toMatchObject({
      total_api_requests: 8,
      total_successful_requests: 6,
      total_failed_requests: 2,
      total_tokens: 0,
      total_spend: 0,
    });
  });
});

describe('whose calls a caller sees', () => {
  const caller = { kind: 'virtual_key', id: 'key:1|end_user:acme', role: 'internal_user', grants: NO_GRANTS } as const;

  test('their own under whatever end user, and those of what they administer', () => {
    const memberships = { ...NO_MEMBERSHIPS, teamAdminOf: new Set(['team']), teamMemberOf: new Set(['team', 'plain']) };
    expect(usageScope({ ...caller, userId: 'me' }, memberships)).toEqual({
      principalId: 'key:1',
      userId: 'me',
      teamIds: ['team'],
      organizationIds: [],
    });
  });

  test('everything, for admins and viewers', () => {
    for (const role of ['proxy_admin', 'proxy_admin_viewer'] as const) {
      expect(usageScope({ ...caller, role }, NO_MEMBERSHIPS)).toBe('everything');
    }
  });
});
