import { Injectable } from '@nestjs/common';
import { pageOf } from '../../../core/definition/page-query.definition.js';
import type { TimeRange } from '../../../core/definition/time-range.js';
import {
  USAGE_DAYS_MAX,
  usageRange,
  type ActivityQuery,
  type DailyActivityQuery,
} from '../../../core/definition/usage-query.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { Memberships } from '../membership/memberships.service.js';
import { ActivityStore, type ActivityDimension } from './activity.store.js';
import { toActivityDays, toMetrics, toTotals, type ActivityRow, type Describe } from './daily-activity.js';
import { KeyNames, type KeyName } from './key-names.store.js';
import { usageScope, type UsageScope } from './usage-scope.js';

const DAYS_PER_PAGE = 50;

/** Whose activity a page is about. */
export type ActivityEntity = 'team' | 'organization' | 'user' | 'end_user';

/** How much was called, by day. Everybody sees their own and what they administer. */
@Injectable()
export class ActivityService {
  constructor(
    private readonly store: ActivityStore,
    private readonly keys: KeyNames,
    private readonly memberships: Memberships,
  ) {}

  /** `GET /team/daily/activity` and its kin. */
  async daily(principal: Principal, entity: ActivityEntity, query: DailyActivityQuery) {
    const { rows, describe } = await this.#count(principal, query, ['tool', 'key', entity], {
      userIds: query.user_id === undefined ? undefined : [query.user_id],
      teamIds: query.team_ids,
      organizationIds: query.organization_ids,
      endUserIds: query.end_user_ids,
    });
    const { page, size, skip } = pageOf(query, DAYS_PER_PAGE);
    const days = toActivityDays(rows, entity, describe);
    const totalPages = Math.ceil(days.length / size);
    return {
      results: days.slice(skip, skip + size),
      metadata: { ...toTotals(rows), page, total_pages: totalPages, has_more: page < totalPages },
    };
  }

  /** `GET /global/activity`: days, and what they are made of. */
  async summary(principal: Principal, query: ActivityQuery) {
    const { group_by: group } = query;
    const { rows, describe } = await this.#count(principal, query, group === undefined ? [] : [group], {});
    const days = rows.filter(({ dimension }) => dimension === null).toSorted((a, b) => b.day.localeCompare(a.day));
    const groups = rows.flatMap(({ dimension, value, ...row }) => {
      if (dimension === null || value === null) return [];
      return [{ date: row.day, [dimension]: describe(dimension, value).name, ...presentCounts(row) }];
    });
    return {
      daily_data: days.map((row) => ({ date: row.day, ...presentCounts(row) })),
      ...(group === undefined ? {} : { groups: groups.toSorted((a, b) => b.date.localeCompare(a.date)) }),
      sum_api_requests: toMetrics(days).api_requests,
      sum_total_tokens: 0,
    };
  }

  async #count(
    principal: Principal,
    query: DailyActivityQuery | ActivityQuery,
    dimensions: readonly ActivityDimension[],
    lists: Readonly<Record<string, readonly string[] | undefined>>,
  ): Promise<{ readonly rows: readonly ActivityRow[]; readonly describe: Describe }> {
    const range = requireRange(query);
    const scope: UsageScope = usageScope(principal, await this.memberships.of(principal));
    const keyId = query.api_key === undefined ? undefined : await this.keys.idOf(query.api_key);
    const rows = await this.store.count(range, { scope, keyId, ...lists }, dimensions);
    const ids = rows.flatMap(({ dimension, value }) => (dimension === 'key' && value !== null ? [value] : []));
    const names = await this.keys.of(ids);
    return { rows, describe: (dimension, value) => describe(names, dimension, value) };
  }
}

/** @throws GatewayError `owner/refused` for a range that is too long. */
export function requireRange(query: DailyActivityQuery | ActivityQuery): TimeRange {
  const range = usageRange(query, new Date());
  if (range !== undefined) return range;
  throw new GatewayError('owner/refused', {
    detail: `start_date and end_date must span up to ${USAGE_DAYS_MAX} days, the end after the start`,
    data: { param: 'start_date' },
  });
}

function describe(keys: ReadonlyMap<string, KeyName>, dimension: string, value: string): ReturnType<Describe> {
  if (dimension !== 'key') return { name: value, metadata: {} };
  const key = keys.get(value);
  return { name: key?.hash ?? value, metadata: { key_alias: key?.alias ?? null, team_id: key?.teamId ?? null } };
}

function presentCounts({ requests, successes, durationMs }: Omit<ActivityRow, 'dimension' | 'value'>) {
  return {
    api_requests: requests,
    successful_requests: successes,
    failed_requests: requests - successes,
    total_tokens: 0,
    average_duration_ms: requests === 0 ? 0 : durationMs / requests,
  };
}
