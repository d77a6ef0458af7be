import { insertOrganization, insertTeam } from '../../factory/insert-key.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { keyApi, ok, type Body, type KeyApi } from './key-api.js';

let gateway: TestGateway;
let admin: KeyApi;

beforeAll(async () => {
  gateway = await startGateway();
  admin = keyApi(gateway, gateway.key);
});

afterAll(() => gateway.close());

/** Every documented field of a key, what is given, and what is changed to. */
const FIELDS: readonly (readonly [field: string, given: unknown, changed: unknown, cleared: unknown])[] = [
  ['key_alias', 'ide', 'editor', null],
  ['duration', '30d', '1mo', null],
  ['user_id', 'ann', 'bob', null],
  ['models', ['gpt'], [], []],
  ['aliases', { a: 'b' }, { a: 'c' }, {}],
  ['config', { a: { deep: [1, null] } }, {}, {}],
  ['spend', 1.5, 2, 0],
  ['max_budget', 5, 0.25, null],
  ['soft_budget', 4, 3, null],
  ['budget_duration', '30d', '1w', null],
  ['budget_id', 'b-1', 'b-2', null],
  ['max_parallel_requests', 3, 4, null],
  ['tpm_limit', 9_007_199_254_740_991, 0, null],
  ['rpm_limit', 100, 200, null],
  ['tpm_limit_type', 'dynamic', 'guaranteed_throughput', null],
  ['rpm_limit_type', 'best_effort_throughput', 'dynamic', null],
  ['model_max_budget', { gpt: { budget_limit: 1, time_period: '1d' } }, {}, {}],
  ['model_rpm_limit', { gpt: 5 }, { gpt: 6 }, null],
  ['model_tpm_limit', { gpt: 5 }, { gpt: 6 }, null],
  ['metadata', { cost: 'Grüße 🌍', nested: { a: [true] } }, { other: 1 }, {}],
  ['tags', ['a'], ['b', 'c'], null],
  ['permissions', { allow: true }, {}, {}],
  ['guardrails', ['pii'], [], null],
  ['policies', ['p'], ['q'], []],
  ['prompts', ['p'], ['q'], null],
  ['enforced_params', ['user'], ['metadata.user'], null],
  ['blocked', true, false, false],
  ['allowed_cache_controls', ['no-cache'], [], []],
  ['allowed_routes', ['/mcp*', 'info_routes'], ['/key/info'], []],
  ['allowed_passthrough_routes', ['/x'], ['/y'], null],
  ['allowed_vector_store_indexes', ['i'], ['j'], null],
  ['key_type', 'llm_api', 'read_only', 'default'],
  ['auto_rotate', true, false, false],
  ['rotation_interval', '30d', '7d', null],
  ['send_invite_email', true, false, null],
  ['router_settings', { retries: 2 }, {}, null],
  ['agent_id', 'agent', 'other', null],
  ['project_id', 'project', 'other', null],
  ['budget_limits', [{ max: 1 }], { max: 2 }, null],
];

describe('every documented field of a key', () => {
  const info = async (key: unknown) => (await ok(admin.get(`/key/info?key=${String(key)}`)))['info'] as Body;

  test.each(FIELDS)(
    '%s is kept as given, changed alone, and cleared by null',
    async (field, given, changed, cleared) => {
      const beside = field === 'max_budget' ? 'soft_budget' : 'max_budget';
      const made = await ok(admin.post('/key/generate', { [field]: given, [beside]: 7 }));
      const { key } = made;
      expect(made[field]).toEqual(given);
      expect((await info(key))[field]).toEqual(given);
      expect((await ok(admin.post('/key/update', { key, rpm_limit_unknown: 1 })))[field]).toEqual(given);
      expect((await ok(admin.post('/key/update', { key, [field]: changed })))[field]).toEqual(changed);
      expect(await info(key)).toMatchObject({ [field]: changed, [beside]: 7 });
      expect((await ok(admin.post('/key/update', { key, [field]: null })))[field]).toEqual(cleared);
      expect(await info(key)).toMatchObject({ [field]: cleared, [beside]: 7 });
    },
  );

  test('team and organization, which must be there and fit each other', async () => {
    const { databaseUrl } = gateway;
    await insertOrganization(databaseUrl, { id: 'org' });
    await insertOrganization(databaseUrl, { id: 'other' });
    await insertTeam(databaseUrl, { id: 'team', organizationId: 'org' });
    const { key } = await ok(admin.post('/key/generate', { team_id: 'team', organization_id: 'org' }));
    expect(await info(key)).toMatchObject({ team_id: 'team', organization_id: 'org' });
    expect((await admin.post('/key/update', { key, organization_id: 'other' })).status).toBe(400);
    expect(await ok(admin.post('/key/update', { key, team_id: null, organization_id: null }))).toMatchObject({
      team_id: null,
      organization_id: null,
    });
  });

  test('access_group_ids, which must be there', async () => {
    expect((await admin.post('/key/generate', { access_group_ids: ['nowhere'] })).status).toBe(400);
  });

  test('the permission comes back expanded, merged field by field', async () => {
    const { key } = await ok(
      admin.post('/key/generate', { object_permission: { mcp_servers: ['a'], vector_stores: ['v'], custom: 1 } }),
    );
    await ok(admin.post('/key/update', { key, object_permission: { mcp_access_groups: ['dev'] } }));
    const { object_permission: shown, object_permission_id: id } = await info(key);
    expect(shown).toMatchObject({
      object_permission_id: id,
      mcp_servers: ['a'],
      mcp_access_groups: ['dev'],
      mcp_tool_permissions: null,
      vector_stores: ['v'],
    });
  });

  test('a temporary budget comes whole or not at all', async () => {
    const { key } = await ok(admin.post('/key/generate', {}));
    const whole = { temp_budget_increase: 5, temp_budget_expiry: '2030-01-31T12:00:00Z' };
    expect((await admin.post('/key/update', { key, temp_budget_increase: 5 })).status).toBe(422);
    expect((await admin.post('/key/update', { key, temp_budget_expiry: whole.temp_budget_expiry })).status).toBe(422);
    expect(await ok(admin.post('/key/update', { key, ...whole }))).toMatchObject(whole);
  });

  test('times are counted from the write: the end, the next budget, the next rotation', async () => {
    const until = (time: unknown): number => Math.round((Date.parse(String(time)) - Date.now()) / 3_600_000);
    const made = await ok(
      admin.post('/key/generate', {
        duration: '2h',
        budget_duration: '3h',
        auto_rotate: true,
        rotation_interval: '4h',
      }),
    );
    expect([until(made['expires']), until(made['budget_reset_at']), until(made['key_rotation_at'])]).toEqual([2, 3, 4]);
    const { key } = made;
    expect(until((await ok(admin.post('/key/update', { key, duration: '1d' })))['expires'])).toBe(24);
    expect(
      await ok(admin.post('/key/update', { key, duration: '-1', budget_duration: null, auto_rotate: false })),
    ).toMatchObject({
      expires: null,
      budget_reset_at: null,
      key_rotation_at: null,
    });
  });

  test('the type sets the routes, unless they are named beside it', async () => {
    const { key } = await ok(admin.post('/key/generate', { key_type: 'llm_api', allowed_routes: ['/mcp/wiki'] }));
    expect(await info(key)).toMatchObject({ key_type: 'llm_api', allowed_routes: ['/mcp/wiki'] });
    expect(await ok(admin.post('/key/update', { key, key_type: 'management' }))).toMatchObject({
      allowed_routes: ['management_routes'],
    });
    expect(await ok(admin.post('/key/update', { key, key_type: 'default' }))).toMatchObject({ allowed_routes: [] });
  });

  test.each([
    ['key', 'no-prefix-here-at-all-1234'],
    ['key', 'sk-short'],
    ['key', 'sk-with spaces in the middle'],
    ['key_alias', ''],
    ['key_alias', 'x'.repeat(300)],
    ['key_alias', 7],
    ['duration', '1 year'],
    ['budget_duration', 30],
    ['models', 'gpt'],
    ['metadata', ['not', 'a', 'mapping']],
    ['metadata', { text: 'null \u0000 character' }],
    ['metadata', { text: 'half a pair \ud800' }],
    ['tpm_limit', -1],
    ['rpm_limit', 1.5],
    ['rpm_limit_type', 'sometimes'],
    ['key_type', 'root'],
    ['blocked', 'yes'],
    ['model_rpm_limit', { gpt: 'many' }],
    ['max_budget', 'much'],
    ['object_permission', 'all'],
    ['object_permission', { mcp_servers: 'all' }],
    ['object_permission', { mcp_servers: ['half a pair \ud800'] }],
    ['object_permission', { mcp_tool_permissions: { 'null \u0000': ['a'] } }],
  ])('%s: %j is refused with 422 that names the field', async (field, value) => {
    const answer = await admin.post('/key/generate', { [field]: value });
    expect([answer.status, (answer.body['detail'] as { loc: string[] }[])[0]?.loc.slice(0, 2)]).toEqual([
      422,
      ['body', field],
    ]);
  });

  test('a body that is no JSON object makes no key', async () => {
    const answer = await fetch(`${gateway.url}/key/generate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}` },
      body: new URLSearchParams({ key_alias: 'lost' }),
    });
    expect([answer.status, (await admin.post('/key/generate', [])).status]).toEqual([422, 422]);
  });

  test.each(['max_budget', 'soft_budget', 'spend'])('a negative %s is refused with 400', async (field) => {
    expect((await admin.post('/key/generate', { [field]: -1 })).body).toMatchObject({
      error: { param: field, code: '400' },
    });
  });

  test('the spend is set back, never up', async () => {
    const { token } = await ok(admin.post('/key/generate', { spend: 4, max_budget: 10 }));
    const reset = (to: unknown) => admin.post(`/key/${String(token)}/reset_spend`, { reset_to: to });
    expect(await ok(reset(1))).toMatchObject({ key_hash: token, previous_spend: 4, spend: 1, max_budget: 10 });
    expect([(await reset(2)).status, (await reset(-1)).status, (await reset(undefined)).status]).toEqual([
      400, 400, 422,
    ]);
  });

  test('many are changed at once, each judged on its own', async () => {
    const first = await ok(admin.post('/key/generate', {}));
    const second = await ok(admin.post('/key/generate', {}));
    const answer = await ok(
      admin.post('/key/bulk_update', {
        keys: [
          { key: first['key'], max_budget: 3 },
          { key: second['token'], tags: 'x' },
          { key: 'sk-nobody-has-this-one' },
          7,
        ],
      }),
    );
    expect(answer).toMatchObject({
      total_requested: 4,
      successful_updates: [{ key: first['token'], key_info: { max_budget: 3 } }],
      failed_updates: [
        { key: second['token'], failed_reason: expect.stringContaining('tags') as string },
        { failed_reason: 'Key not found in database' },
        { key: null },
      ],
    });
    expect(JSON.stringify(answer)).not.toContain('sk-nobody');
  });

  test('two keys may not bear one alias, unless one is deleted', async () => {
    const { key } = await ok(admin.post('/key/generate', { key_alias: 'twin' }));
    const other = await ok(admin.post('/key/generate', {}));
    expect((await admin.post('/key/generate', { key_alias: 'twin' })).status).toBe(400);
    expect((await admin.post('/key/update', { key: other['key'], key_alias: 'twin' })).status).toBe(400);
    expect((await admin.post('/key/update', { key, key_alias: 'twin' })).status).toBe(200);
    await ok(admin.post('/key/delete', { keys: [key] }));
    expect((await admin.post('/key/update', { key: other['key'], key_alias: 'twin' })).status).toBe(200);
  });

  test('of two requests for one alias at once, one wins', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => admin.post('/key/generate', { key_alias: 'race' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
  });
});
