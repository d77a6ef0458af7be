import { insertKey, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

interface Entry {
  readonly id: string;
  readonly action: string;
  readonly table_name: string;
  readonly object_id: string;
}

interface Page {
  readonly audit_logs: readonly Entry[];
  readonly total: number;
}

/** `/audit` on a whole gateway: contract §10, reference §3.10. */
describe('the audit', () => {
  let gateway: TestGateway;
  let admin: AdminCaller;
  let teamId: string;
  const secret = canary('audit');

  beforeAll(async () => {
    gateway = await startGateway();
    admin = adminCaller(gateway.url, gateway.key);
    const team = await admin('POST', '/team/new', {
      team_alias: 'first',
      metadata: { logging: { langfuse_secret_key: secret } },
      secret_manager_settings: { vault: { role: secret } },
    });
    teamId = (team.body as { team_id: string }).team_id;
    await admin('POST', '/team/update', { team_id: teamId, team_alias: 'second' });
    await admin('POST', '/team/member_add', { team_id: teamId, member: { user_id: 'ann' } });
    await admin('POST', '/team/member_update', { team_id: teamId, user_id: 'ann', role: 'admin' });
    await admin('POST', '/team/member_delete', { team_id: teamId, user_id: 'ann' });
    await admin('POST', '/team/block', { team_id: teamId });
    await admin('POST', '/team/unblock', { team_id: teamId });
    await admin('POST', '/organization/new', { organization_id: 'house', organization_alias: 'House' });
    await admin('POST', '/organization/member_add', { organization_id: 'house', member: { user_id: 'ann' } });
    await admin('DELETE', '/organization/delete', { organization_ids: ['house'] });
    await admin('POST', '/customer/block', { user_ids: ['acme'] });
    await admin('POST', '/customer/delete', { user_ids: ['acme'] });
    await admin('POST', '/user/update', { user_id: 'ann', user_alias: 'Ann' });
    await admin('POST', '/user/delete', { user_ids: ['ann'] });
    await admin('POST', '/team/delete', { team_ids: [teamId] });
  });

  afterAll(() => gateway.close());

  const pageOf = async (query: string): Promise<Page> => {
    const { status, body } = await admin('GET', `/audit?${query}`);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as Page;
  };
  const actionsOf = async (kind: string, id: string): Promise<readonly string[]> =>
    (await pageOf(`object_kind=${kind}&object_id=${id}&page_size=100&sort_order=asc`)).audit_logs.map(
      ({ action }) => action,
    );

  // Defect 55: what administrators did to MCP objects and permissions left no trace.
  test('every write leaves an entry: teams, members, organizations, customers and users (defect 55)', async () => {
    expect(await actionsOf('team', teamId)).toEqual([
      'created',
      'updated',
      'member_added',
      'member_updated',
      'member_deleted',
      'blocked',
      'unblocked',
      'deleted',
    ]);
    expect(await actionsOf('organization', 'house')).toEqual(['created', 'member_added', 'deleted']);
    expect(await actionsOf('customer', 'acme')).toEqual(['blocked', 'deleted']);
    expect(await actionsOf('user', 'ann')).toEqual(['created', 'updated', 'deleted']);
  });

  test('an entry says who did it and what it was before and after', async () => {
    const [entry] = (await pageOf(`object_id=${teamId}&action=updated`)).audit_logs;
    expect(entry).toMatchObject({
      changed_by: 'master',
      actor_id: 'master',
      actor_role: 'proxy_admin',
      action: 'updated',
      table_name: 'team',
      object_id: teamId,
      before_value: { team_alias: 'first' },
      updated_values: { team_alias: 'second' },
    });
    expect(await admin('GET', `/audit/${entry?.id ?? ''}`)).toEqual({ status: 200, body: entry });
    for (const id of ['0', 'x', '9'.repeat(40)]) {
      expect(await admin('GET', `/audit/${id}`)).toMatchObject({ status: 404 });
    }
  });

  test("is newest first, paged, and filtered by actor, kind, time and the incumbent's names of tables", async () => {
    const { total, audit_logs: newest } = await pageOf('page_size=2');
    expect(newest).toMatchObject([{ action: 'deleted', table_name: 'team' }, { table_name: 'user' }]);
    expect(await pageOf('page=2&page_size=2')).toMatchObject({ total, page: 2, total_pages: Math.ceil(total / 2) });
    expect((await pageOf('table_name=LiteLLM_TeamTable')).total).toBe((await pageOf('object_kind=team')).total);
    expect((await pageOf('changed_by=master')).total).toBe(total);
    expect((await pageOf('changed_by=nobody')).total).toBe(0);
    const today = new Date().toISOString().slice(0, 10);
    expect((await pageOf(`start_date=${today}&end_date=${today}`)).total).toBe(total);
    expect((await pageOf('end_date=2020-01-01')).total).toBe(0);
    expect((await pageOf('start_date=2120-01-01T00:00:00Z')).total).toBe(0);
    expect(await admin('GET', '/audit?start_date=yesterday')).toMatchObject({ status: 422 });
  });

  test('keeps fingerprints of what looks like a secret', async () => {
    const { audit_logs: entries } = await pageOf(`object_id=${teamId}&page_size=100`);
    const text = JSON.stringify(entries);
    expect(findLeaks(text, [secret])).toEqual([]);
    expect(text).toMatch(/"langfuse_secret_key":"sha256:[0-9a-f]{12}"/);
  });

  test('is for proxy admins and viewers', async () => {
    const statuses: unknown[] = [];
    for (const role of ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const) {
      const userId = await insertUser(gateway.databaseUrl, { role });
      const { key } = await insertKey(gateway.databaseUrl, { userId });
      const call = adminCaller(gateway.url, key);
      statuses.push([role, (await call('GET', '/audit')).status, (await call('GET', '/audit/1')).status]);
    }
    expect(statuses).toEqual([
      ['proxy_admin', 200, 200],
      ['proxy_admin_viewer', 200, 200],
      ['internal_user', 403, 403],
      ['internal_user_viewer', 403, 403],
    ]);
  });
});
