import { auditValue, fingerprint } from './audit-value.js';

test('what is called a secret is kept as a fingerprint, however deep; everything else as it is', () => {
  const value = {
    team_alias: 'token',
    created_at: new Date('2026-01-01T00:00:00Z'),
    metadata: { logging: [{ callback: 'x', langfuse_secret_key: 'sk-lf-1' }], note: 'plain', max_tokens: 5 },
    secret_manager_settings: { namespace: 'n', nested: { list: ['a'] } },
    absent: undefined,
  };
  expect(auditValue(value)).toEqual({
    team_alias: 'token',
    created_at: '2026-01-01T00:00:00.000Z',
    metadata: {
      logging: [{ callback: 'x', langfuse_secret_key: fingerprint('sk-lf-1') }],
      note: 'plain',
      max_tokens: 5,
    },
    secret_manager_settings: { namespace: fingerprint('n'), nested: { list: [fingerprint('a')] } },
  });
  expect(fingerprint('sk-lf-1')).toMatch(/^sha256:[0-9a-f]{12}$/);
});
