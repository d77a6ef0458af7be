import { insertKey, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** Every documented field of a customer (reference §3.9). */
const FIELDS = {
  alias: 'Acme',
  blocked: true,
  allowed_model_region: 'eu',
  default_model: 'small',
  metadata: { contract: 7 },
  spend: 2.5,
  max_budget: 100.5,
  soft_budget: 50,
  budget_duration: '30d',
  budget_reset_at: '2030-01-01T00:00:00.000Z',
  budget_limits: [{ budget_duration: '1d', max_budget: 5 }],
  max_parallel_requests: 4,
  tpm_limit: 1_000,
  rpm_limit: 10,
  tpm_limit_type: 'dynamic',
  rpm_limit_type: 'guaranteed_throughput',
  model_max_budget: { small: { max_budget: 2 } },
  model_rpm_limit: { small: 3 },
  model_tpm_limit: { small: 300 },
};

/** `/customer/*`, which is `/end_user/*`: reference §3.9. */
describe('customers', () => {
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    gateway = await startGateway({ config: { mcp_servers: { alpha: { url: 'http://127.0.0.1:9/mcp' } } } });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(() => gateway.close());

  describe.each(['/customer', '/end_user'])('under %s', (prefix) => {
    const id = (name: string): string => `${name}${prefix}`;
    const infoOf = async (name: string) =>
      (await admin('GET', `${prefix}/info?end_user_id=${encodeURIComponent(id(name))}`)).body;

    test('every documented field comes back; an update keeps what it does not name', async () => {
      const made = await admin('POST', `${prefix}/new`, {
        user_id: id('a'),
        ...FIELDS,
        object_permission: { mcp_servers: ['alpha'] },
      });
      expect(made).toMatchObject({ status: 200, body: { user_id: id('a'), ...FIELDS } });
      expect(await infoOf('a')).toMatchObject(FIELDS);

      await admin('POST', `${prefix}/new`, { user_id: id('b') });
      const updated = await admin('POST', `${prefix}/update`, { user_id: id('b'), ...FIELDS });
      expect(updated).toMatchObject({ status: 200, body: FIELDS });
      await admin('POST', `${prefix}/update`, {
        user_id: id('b'),
        alias: null,
        object_permission: { mcp_servers: [] },
      });
      expect(await infoOf('b')).toMatchObject({ ...FIELDS, alias: null, object_permission: { mcp_servers: [] } });
    });

    test.each([
      ['both kinds of budget', { budget_id: 'gold', max_budget: 1 }, 400],
      ['a region that is none', { allowed_model_region: 'moon' }, 422],
      ['no id', { user_id: null }, 422],
      ['an id that is taken', { user_id: `taken${prefix}` }, 400],
    ])('%s is refused', async (_what, fields, status) => {
      await admin('POST', `${prefix}/new`, { user_id: id('taken') });
      expect(await admin('POST', `${prefix}/new`, { user_id: id('new'), ...fields })).toMatchObject({ status });
    });

    test('a blocked customer does not get through with any key, one nobody has seen included', async () => {
      await admin('POST', `${prefix}/new`, { user_id: id('known') });
      const user_ids = [id('known'), id('unseen')];
      expect(await admin('POST', `${prefix}/block`, { user_ids })).toMatchObject({
        status: 200,
        body: {
          blocked_users: [
            { user_id: id('known'), blocked: true },
            { user_id: id('unseen'), blocked: true },
          ],
        },
      });
      const { key } = await insertKey(gateway.databaseUrl);
      const list = async (customer: string) => {
        const headers = { authorization: `Bearer ${key}`, 'x-litellm-end-user-id': customer };
        return (await fetch(`${gateway.url}/mcp-rest/tools/list`, { headers })).status;
      };
      for (const blocked of user_ids) expect(await list(blocked)).toBe(403);
      expect(await admin('POST', `${prefix}/unblock`, { user_ids })).toMatchObject({ status: 200 });
      for (const blocked of user_ids) expect(await list(blocked)).toBe(200);
      const unknown = await admin('POST', `${prefix}/unblock`, { user_ids: [id('nobody')] });
      expect(unknown).toMatchObject({ status: 404 });
    });

    test('deleting is all or nothing', async () => {
      await admin('POST', `${prefix}/new`, { user_id: id('leaver'), object_permission: { mcp_servers: [] } });
      const user_ids = [id('leaver')];
      const both = { user_ids: [...user_ids, id('nobody')] };
      expect(await admin('POST', `${prefix}/delete`, both)).toMatchObject({ status: 404 });
      expect(await infoOf('leaver')).toMatchObject({ user_id: id('leaver') });
      expect(await admin('POST', `${prefix}/delete`, { user_ids })).toMatchObject({
        status: 200,
        body: { deleted_customers: 1 },
      });
      expect(await infoOf('leaver')).toMatchObject({ error: { code: '404' } });
    });

    test('proxy admins write, viewers read, nobody else does either', async () => {
      await admin('POST', `${prefix}/new`, { user_id: id('seen') });
      const statuses: unknown[] = [];
      for (const role of ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const) {
        const userId = await insertUser(gateway.databaseUrl, { role });
        const { key } = await insertKey(gateway.databaseUrl, { userId });
        const call = adminCaller(gateway.url, key);
        statuses.push([
          role,
          (await call('GET', `${prefix}/list?page_size=2`)).status,
          (await call('GET', `${prefix}/info?end_user_id=${encodeURIComponent(id('seen'))}`)).status,
          (await call('GET', `${prefix}/daily/activity`)).status,
          (await call('POST', `${prefix}/update`, { user_id: id('seen'), alias: role })).status,
          (await call('POST', `${prefix}/block`, { user_ids: [id('seen')] })).status,
        ]);
      }
      expect(statuses).toEqual([
        ['proxy_admin', 200, 200, 200, 200, 200],
        ['proxy_admin_viewer', 200, 200, 200, 403, 403],
        ['internal_user', 403, 403, 403, 403, 403],
        ['internal_user_viewer', 403, 403, 403, 403, 403],
      ]);
    });
  });
});
