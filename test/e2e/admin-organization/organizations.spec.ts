import { insertKey, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const BUDGET = {
  max_budget: 100.5,
  soft_budget: 50,
  budget_duration: '30d',
  budget_reset_at: '2030-01-01T00:00:00.000Z',
  budget_id: 'gold',
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

/** Every documented field of an organization (reference §3.9). */
const FIELDS = {
  organization_alias: 'The house',
  models: ['small'],
  metadata: { cost_center: 7 },
  model_aliases: { fast: 'small' },
  tags: ['a'],
  ...BUDGET,
};

interface Organization extends Record<string, unknown> {
  readonly organization_id: string;
}

/** `/organization/*` on a whole gateway: reference §3.9, App. E.3. */
describe('organizations', () => {
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    gateway = await startGateway({ config: { mcp_servers: { alpha: { url: 'http://127.0.0.1:9/mcp' } } } });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(() => gateway.close());

  async function make(fields: Readonly<Record<string, unknown>> = {}): Promise<Organization> {
    const { status, body } = await admin('POST', '/organization/new', { organization_alias: 'org', ...fields });
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as Organization;
  }

  async function person(role: 'internal_user' | 'proxy_admin_viewer' = 'internal_user') {
    const id = await insertUser(gateway.databaseUrl, { role });
    const { key } = await insertKey(gateway.databaseUrl, { userId: id });
    return { id, call: adminCaller(gateway.url, key) };
  }

  const infoOf = async (id: string) => (await admin('GET', `/organization/info?organization_id=${id}`)).body;

  test('every documented field comes back, from new, update and info; an update keeps what it does not name', async () => {
    const made = await make({ ...FIELDS, organization_id: 'house-1', object_permission: { mcp_servers: ['alpha'] } });
    expect(made).toMatchObject({ ...FIELDS, organization_id: 'house-1', litellm_budget_table: BUDGET });
    expect(await infoOf('house-1')).toMatchObject({ ...FIELDS, members: [], teams: [] });

    const { organization_id } = await make();
    expect(await admin('PATCH', '/organization/update', { organization_id, ...FIELDS, spend: 3 })).toMatchObject({
      status: 200,
      body: { ...FIELDS, spend: 3 },
    });
    await admin('PATCH', '/organization/update', {
      organization_id,
      tags: null,
      object_permission: { mcp_servers: [] },
    });
    expect(await infoOf(organization_id)).toMatchObject({
      ...FIELDS,
      tags: null,
      object_permission: { mcp_servers: [], mcp_toolsets: null },
    });
  });

  test.each([
    ['without a name', { organization_alias: null }, 422],
    ['with an id that is taken', { organization_id: 'taken' }, 400],
    ['with a soft budget above the budget', { max_budget: 1, soft_budget: 2 }, 400],
    ['with models that are no list', { models: 'small' }, 422],
  ])('%s it is refused', async (_what, fields, status) => {
    await admin('POST', '/organization/new', { organization_id: 'taken', organization_alias: 'first' });
    const answer = await admin('POST', '/organization/new', { organization_alias: 'x', ...fields });
    expect(answer).toMatchObject({ status });
  });

  test('only proxy admins make, change and delete them: 401 in the words clients know', async () => {
    const { organization_id } = await make();
    const boss = await person();
    const member = { role: 'org_admin', user_id: boss.id };
    await admin('POST', '/organization/member_add', { organization_id, member });
    const viewer = await person('proxy_admin_viewer');
    expect(await boss.call('POST', '/organization/new', { organization_alias: 'mine' })).toMatchObject({
      status: 401,
      body: { error: { message: 'Only admins can create orgs. Your role is = internal_user', code: '401' } },
    });
    for (const { call } of [boss, viewer]) {
      const refused = { status: 401, body: { error: { message: 'Only proxy admins can delete organizations' } } };
      const ids = { organization_ids: [organization_id] };
      expect(await call('DELETE', '/organization/delete', ids)).toMatchObject(refused);
      expect(await call('PATCH', '/organization/update', { organization_id, models: [] })).toMatchObject({
        status: 401,
      });
    }
    expect(await admin('DELETE', '/organization/delete', { organization_ids: [organization_id, 'x'] })).toMatchObject({
      status: 404,
      body: { error: { message: 'Organization=x not found' } },
    });
    expect(await infoOf(organization_id)).toMatchObject({ organization_id });
  });

  test('deleting takes its teams, keys and memberships along, and leaves nothing that points to it', async () => {
    const { organization_id } = await make({ object_permission: { mcp_servers: [] } });
    const { id: userId } = await person();
    await admin('POST', '/organization/member_add', { organization_id, member: { user_id: userId } });
    const team = (await admin('POST', '/team/new', { organization_id })).body as { team_id: string };
    const gone = (await admin('POST', '/team/new', { organization_id })).body as { team_id: string };
    await admin('POST', '/team/delete', { team_ids: [gone.team_id] });
    const ofTeam = await insertKey(gateway.databaseUrl, { teamId: team.team_id, organizationId: organization_id });
    const ofHouse = await insertKey(gateway.databaseUrl, { organizationId: organization_id });
    const calls = [ofTeam, ofHouse].map(({ key }) => adminCaller(gateway.url, key));
    for (const call of calls) expect(await call('GET', '/team/list')).toMatchObject({ status: 200 });

    const deleted = await admin('DELETE', '/organization/delete', { organization_ids: [organization_id] });
    expect(deleted).toMatchObject({ status: 200, body: [{ organization_id }] });
    for (const call of calls) expect(await call('GET', '/team/list')).toMatchObject({ status: 401 });
    expect(await admin('GET', `/team/info?team_id=${team.team_id}`)).toMatchObject({ status: 404 });
    expect(await admin('GET', `/organization/info?organization_id=${organization_id}`)).toMatchObject({ status: 404 });
    expect(await admin('GET', `/user/info?user_id=${userId}`)).toMatchObject({
      body: { user_info: { organizations: [] } },
    });
  });

  describe('members', () => {
    test("are added, changed and removed by proxy admins and by the organization's own admins", async () => {
      const { organization_id } = await make();
      const boss = await person();
      const added = await admin('POST', '/organization/member_add', {
        organization_id,
        member: { role: 'org_admin', user_id: boss.id },
        max_budget_in_organization: 5,
      });
      expect(added).toMatchObject({
        status: 200,
        body: {
          organization_id,
          updated_users: [{ user_id: boss.id }],
          updated_organization_memberships: [{ user_role: 'org_admin', max_budget_in_organization: 5 }],
        },
      });
      const member = [{ user_email: 'Pat@Example.com' }, { role: 'internal_user_viewer', user_id: 'reader' }];
      expect(await boss.call('POST', '/organization/member_add', { organization_id, member })).toMatchObject({
        body: { updated_users: [{ user_email: 'pat@example.com' }, { user_id: 'reader' }] },
      });
      expect(await boss.call('POST', '/organization/member_add', { organization_id, member })).toMatchObject({
        status: 400,
      });
      const update = { organization_id, user_email: 'pat@example.com', role: 'org_admin' };
      expect(await boss.call('PATCH', '/organization/member_update', update)).toMatchObject({
        status: 200,
        body: { user_role: 'org_admin', user_email: 'pat@example.com' },
      });
      const removal = { organization_id, user_id: 'reader' };
      expect(await boss.call('DELETE', '/organization/member_delete', removal)).toMatchObject({
        status: 200,
        body: { user_id: 'reader' },
      });
      expect(await boss.call('DELETE', '/organization/member_delete', removal)).toMatchObject({ status: 404 });
      expect(((await infoOf(organization_id)) as { members: unknown[] }).members).toHaveLength(2);
    });

    test('everybody else is refused, whatever they are elsewhere', async () => {
      const [mine, other] = [await make(), await make()];
      const [boss, plain, viewer] = [await person(), await person(), await person('proxy_admin_viewer')];
      const own = { organization_id: mine.organization_id };
      await admin('POST', '/organization/member_add', { ...own, member: { role: 'org_admin', user_id: boss.id } });
      await admin('POST', '/organization/member_add', { ...own, member: { user_id: plain.id } });
      const member = { user_id: 'intruder' };
      const foreign = { organization_id: other.organization_id, member };
      expect(await boss.call('POST', '/organization/member_add', foreign)).toMatchObject({ status: 403 });
      for (const { call } of [plain, viewer]) {
        expect(await call('POST', '/organization/member_add', { ...own, member })).toMatchObject({ status: 403 });
        const change = { ...own, user_id: plain.id, role: 'org_admin' };
        expect(await call('PATCH', '/organization/member_update', change)).toMatchObject({ status: 403 });
        const removal = { ...own, user_id: boss.id };
        expect(await call('DELETE', '/organization/member_delete', removal)).toMatchObject({ status: 403 });
      }
    });
  });

  test('people see their own organizations only, and in them themselves; admins of one see all of it', async () => {
    const { organization_id } = await make();
    const hidden = await make();
    const [boss, plain, viewer] = [await person(), await person(), await person('proxy_admin_viewer')];
    const member = [{ role: 'org_admin', user_id: boss.id }, { user_id: plain.id }];
    await admin('POST', '/organization/member_add', { organization_id, member });
    await admin('POST', '/team/new', { organization_id });
    const listOf = async (call: AdminCaller) =>
      (await call('GET', '/organization/list')).body as {
        organization_id: string;
        members: object[];
        teams: object[];
      }[];
    const [seen] = await listOf(plain.call);
    expect(await listOf(plain.call)).toHaveLength(1);
    expect(seen).toMatchObject({ organization_id, members: [{ user_id: plain.id }], teams: [] });
    const [administered] = await listOf(boss.call);
    expect([administered?.members.length, administered?.teams.length]).toEqual([2, 1]);
    expect((await listOf(viewer.call)).map(({ organization_id: id }) => id)).toEqual(
      expect.arrayContaining([organization_id, hidden.organization_id]),
    );
    const foreign = `/organization/info?organization_id=${hidden.organization_id}`;
    expect(await plain.call('GET', foreign)).toMatchObject({ status: 403 });
    expect(await plain.call('GET', '/organization/info?organization_id=nobody')).toMatchObject({ status: 403 });
    const named = { organizations: [organization_id, hidden.organization_id] };
    expect(await plain.call('POST', '/organization/info', named)).toMatchObject({ body: [{ organization_id }] });
    expect(await admin('GET', '/organization/list?org_alias=ORG&page_size=1')).toMatchObject({
      status: 200,
      body: [{}],
    });
  });
});
