import { insertKey, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** Every documented field of a user (reference §3.9). */
const FIELDS = {
  user_alias: 'Ann',
  user_role: 'internal_user_viewer',
  models: ['small'],
  metadata: { cost_center: 7 },
  spend: 2.5,
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
  aliases: { fast: 'small' },
  config: { a: 1 },
  permissions: { b: true },
  allowed_cache_controls: ['no-cache'],
  guardrails: ['pii'],
  policies: ['p'],
  prompts: ['q'],
  tags: ['t'],
};

interface User extends Record<string, unknown> {
  readonly user_id: string;
  readonly key: string | null;
}

/** `/user/*` on a whole gateway: reference §3.9. */
describe('users', () => {
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    gateway = await startGateway({ config: { mcp_servers: { alpha: { url: 'http://127.0.0.1:9/mcp' } } } });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(() => gateway.close());

  async function make(fields: Readonly<Record<string, unknown>> = {}): Promise<User> {
    const { status, body } = await admin('POST', '/user/new', fields);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as User;
  }

  const infoOf = async (id: string) =>
    ((await admin('GET', `/user/info?user_id=${encodeURIComponent(id)}`)).body as { user_info: User }).user_info;

  async function withKey(role: 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer') {
    const id = await insertUser(gateway.databaseUrl, { role });
    const { key } = await insertKey(gateway.databaseUrl, { userId: id });
    return { id, call: adminCaller(gateway.url, key) };
  }

  async function organizationWithAdmin() {
    const made = await admin('POST', '/organization/new', { organization_alias: 'house' });
    const { organization_id } = made.body as { organization_id: string };
    const boss = await withKey('internal_user');
    const member = { role: 'org_admin', user_id: boss.id };
    await admin('POST', '/organization/member_add', { organization_id, member });
    return { organization_id, boss };
  }

  test('every documented field comes back, from new, update and info; an update keeps what it does not name', async () => {
    const made = await make({
      ...FIELDS,
      user_id: 'ann',
      user_email: 'Ann@Example.com',
      sso_user_id: 'sso-ann',
      object_permission: { mcp_servers: ['alpha'] },
    });
    const identity = { user_id: 'ann', user_email: 'ann@example.com', sso_user_id: 'sso-ann' };
    expect(made).toMatchObject({ ...FIELDS, ...identity });
    expect(await infoOf('ann')).toMatchObject({ ...FIELDS, ...identity });

    const { user_id } = await make({ auto_create_key: false });
    expect(await admin('POST', '/user/update', { user_id, ...FIELDS })).toMatchObject({
      status: 200,
      body: { user_id, data: FIELDS },
    });
    await admin('POST', '/user/update', { user_id, tags: null, object_permission: { mcp_servers: [] } });
    expect(await infoOf(user_id)).toMatchObject({ ...FIELDS, tags: null, object_permission: { mcp_servers: [] } });
    expect(await admin('POST', '/user/update', { user_email: 'ANN@example.com', spend: 9 })).toMatchObject({
      body: { user_id: 'ann', data: { spend: 9 } },
    });
  });

  test('a new user has a key that works, unless told otherwise; teams and organizations are joined', async () => {
    const { team_id } = (await admin('POST', '/team/new', {})).body as { team_id: string };
    const other = (await admin('POST', '/team/new', {})).body as { team_id: string };
    const { organization_id } = await organizationWithAdmin();
    const user = await make({
      teams: [team_id, { team_id: other.team_id, max_budget_in_team: 3, user_role: 'admin' }],
      organizations: [organization_id],
      key_alias: 'first key',
      duration: '30d',
    });
    expect(user).toMatchObject({ key: expect.stringMatching(/^sk-/) as string, key_alias: 'first key' });
    const call = adminCaller(gateway.url, user.key ?? '');
    const own = await call('GET', '/user/info');
    expect(own).toMatchObject({
      status: 200,
      body: {
        user_id: user.user_id,
        user_info: { organizations: [organization_id] },
        keys: [{ token: user['token'], key_alias: 'first key', expires: expect.any(String) as string }],
        teams: expect.arrayContaining(
          [{ team_id }, { team_id: other.team_id }].map(expect.objectContaining),
        ) as object[],
      },
    });
    // A team admin manages members: the role took effect.
    const add = { team_id: other.team_id, member: { user_id: 'friend' } };
    expect(await call('POST', '/team/member_add', add)).toMatchObject({ status: 200 });
    expect(await call('POST', '/team/member_add', { ...add, team_id })).toMatchObject({ status: 403 });
    expect(await make({ auto_create_key: false })).toMatchObject({ key: null, token: null });
  });

  test.each([
    ['an id that is taken', { user_id: 'taken' }, 400],
    ['an address that is taken, in whatever case', { user_email: 'TAKEN@example.com' }, 400],
    ['an identity that is taken', { sso_user_id: 'sso-taken' }, 400],
    ['a role nobody has', { user_role: 'king' }, 422],
    ['an address that is none', { user_email: 'nobody' }, 422],
    ['an unknown team', { teams: ['nowhere'] }, 404],
    ['an unknown organization', { organizations: ['nowhere'] }, 404],
    ['a negative budget', { max_budget: -1 }, 400],
    ['a null character', { user_alias: 'a\0b' }, 422],
  ])('%s is refused, and nobody is made', async (_what, fields, status) => {
    await admin('POST', '/user/new', {
      user_id: 'taken',
      user_email: 'taken@example.com',
      sso_user_id: 'sso-taken',
      auto_create_key: false,
    });
    const before = (await admin('GET', '/user/list')).body as { total: number };
    expect(await admin('POST', '/user/new', fields)).toMatchObject({ status });
    expect(await admin('GET', '/user/list')).toMatchObject({ body: { total: before.total } });
  });

  describe('who may what', () => {
    test('people see themselves; admins and viewers everybody; org admins the people of their organizations', async () => {
      const { organization_id, boss } = await organizationWithAdmin();
      const [ann, viewer] = [await withKey('internal_user'), await withKey('proxy_admin_viewer')];
      await admin('POST', '/organization/member_add', { organization_id, member: { user_id: ann.id } });
      const stranger = await withKey('internal_user');
      const statuses = await Promise.all(
        [ann, viewer, boss, stranger].map(
          async ({ call }) => (await call('GET', `/user/info?user_id=${ann.id}`)).status,
        ),
      );
      expect(statuses).toEqual([200, 200, 200, 403]);
      const unknown = await stranger.call('GET', '/user/info?user_id=nobody-at-all');
      expect(unknown).toMatchObject({ status: 403 });
      expect(await admin('GET', '/user/info?user_id=nobody-at-all')).toMatchObject({ status: 404 });
      const idsOf = async (call: AdminCaller, path = '/user/list?page_size=100') =>
        ((await call('GET', path)).body as { users: User[] }).users.map(({ user_id }) => user_id);
      expect(await idsOf(stranger.call)).toEqual([stranger.id]);
      expect((await idsOf(boss.call)).sort()).toEqual([ann.id, boss.id].sort());
      expect(await idsOf(viewer.call)).toEqual(expect.arrayContaining([ann.id, boss.id, stranger.id]));
      expect(await stranger.call('GET', `/user/filter/ui?user_id=${ann.id.slice(0, 8)}`)).toMatchObject({ body: [] });
      expect(await admin('GET', `/user/filter/ui?user_id=${ann.id.slice(0, 8)}`)).toMatchObject({
        body: [{ user_id: ann.id }],
      });
    });

    test('an org admin sees of others who they are and what they are in the organization, nothing of elsewhere', async () => {
      const { organization_id, boss } = await organizationWithAdmin();
      const { team_id } = (await admin('POST', '/team/new', { organization_id })).body as { team_id: string };
      const elsewhere = (await admin('POST', '/team/new', {})).body as { team_id: string };
      const ann = await make({
        metadata: { private: true },
        max_budget: 7,
        organizations: [organization_id],
        teams: [team_id, elsewhere.team_id],
      });
      await insertKey(gateway.databaseUrl, { userId: ann.user_id, teamId: team_id, alias: 'of the house' });
      const { status, body } = await boss.call('GET', `/user/info?user_id=${ann.user_id}`);
      const { user_info: info } = body as { user_info: object };
      expect({ status, body }).toMatchObject({
        status: 200,
        body: {
          user_info: { user_id: ann.user_id, teams: [team_id], organizations: [organization_id] },
          keys: [{ key_alias: 'of the house' }],
          teams: [{ team_id }],
        },
      });
      expect(info).not.toHaveProperty('metadata');
      expect(info).not.toHaveProperty('max_budget');
      const list = (await boss.call('GET', '/user/list')).body as { users: User[] };
      const listed = list.users.find(({ user_id }) => user_id === ann.user_id);
      expect(listed).toMatchObject({ teams: [team_id] });
      expect(listed).not.toHaveProperty('metadata');
    });

    test('people change their alias and nothing that is a right, a limit or an identity', async () => {
      const [ann, reader] = [await withKey('internal_user'), await withKey('internal_user_viewer')];
      expect(await ann.call('POST', '/user/update', { user_id: ann.id, user_alias: 'Annie' })).toMatchObject({
        status: 200,
      });
      for (const change of [
        { user_role: 'proxy_admin' },
        { max_budget: 1_000 },
        { user_email: 'boss@example.com' },
        { sso_user_id: 'boss' },
        { object_permission: { mcp_servers: ['alpha'] } },
        { models: ['all'] },
      ]) {
        expect(await ann.call('POST', '/user/update', { user_id: ann.id, ...change })).toMatchObject({ status: 403 });
      }
      expect(await reader.call('POST', '/user/update', { user_id: reader.id, user_alias: 'x' })).toMatchObject({
        status: 403,
      });
      expect(await ann.call('POST', '/user/update', { user_id: reader.id, user_alias: 'x' })).toMatchObject({
        status: 403,
      });
      expect(await infoOf(ann.id)).toMatchObject({ user_alias: 'Annie', user_role: 'internal_user', max_budget: null });
    });

    test('users are made by proxy admins, and by org admins into their organization without rights of their own', async () => {
      const { organization_id, boss } = await organizationWithAdmin();
      const other = await organizationWithAdmin();
      const organizations = [organization_id];
      const made = await boss.call('POST', '/user/new', { organizations, user_email: 'new@house.example' });
      expect(made).toMatchObject({ status: 200, body: { organizations, user_role: 'internal_user', key: null } });
      for (const fields of [
        {},
        { organizations, user_role: 'proxy_admin' },
        { organizations, user_role: 'proxy_admin_viewer' },
        { organizations: [organization_id, other.organization_id] },
        { organizations, sso_user_id: 'boss' },
        { organizations, teams: [((await admin('POST', '/team/new', {})).body as { team_id: string }).team_id] },
        { organizations, object_permission: { mcp_servers: ['alpha'] } },
      ]) {
        expect(await boss.call('POST', '/user/new', fields)).toMatchObject({ status: 403 });
      }
      for (const role of ['proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const) {
        const { call } = await withKey(role);
        expect(await call('POST', '/user/new', {})).toMatchObject({ status: 403 });
        expect(await call('POST', '/user/delete', { user_ids: [boss.id] })).toMatchObject({ status: 403 });
        expect(await call('POST', '/user/bulk_update', { users: [] })).toMatchObject({ status: 403 });
      }
    });
  });

  test('a change of role holds for the keys a user has already', async () => {
    const { id, call } = await withKey('internal_user');
    expect(await call('GET', '/audit')).toMatchObject({ status: 403 });
    await admin('POST', '/user/update', { user_id: id, user_role: 'proxy_admin_viewer' });
    expect(await call('GET', '/audit')).toMatchObject({ status: 200 });
    await admin('POST', '/user/update', { user_id: id, user_role: 'internal_user' });
    expect(await call('GET', '/audit')).toMatchObject({ status: 403 });
  });

  test('deleting takes keys and memberships along, all users or none', async () => {
    const user = await make({});
    const { team_id } = (await admin('POST', '/team/new', { members: [user.user_id] })).body as { team_id: string };
    const call = adminCaller(gateway.url, user.key ?? '');
    expect(await call('GET', '/user/info')).toMatchObject({ status: 200 });
    expect(await admin('POST', '/user/delete', { user_ids: [user.user_id, 'nobody'] })).toMatchObject({ status: 404 });
    expect(await call('GET', '/user/info')).toMatchObject({ status: 200 });
    expect(await admin('POST', '/user/delete', { user_ids: [user.user_id] })).toEqual({
      status: 200,
      body: { deleted_users: [user.user_id] },
    });
    expect(await call('GET', '/user/info')).toMatchObject({ status: 401 });
    expect(await admin('GET', `/user/info?user_id=${user.user_id}`)).toMatchObject({ status: 404 });
    expect(await admin('GET', `/team/info?team_id=${team_id}`)).toMatchObject({ body: { team_memberships: [] } });
  });

  test('in bulk each user is changed on its own', async () => {
    const user = await make({ auto_create_key: false });
    const answer = await admin('POST', '/user/bulk_update', {
      users: [
        { user_id: user.user_id, user_alias: 'bulk' },
        { user_id: 'nobody', user_alias: 'bulk' },
        { user_id: user.user_id, user_role: 'king' },
      ],
    });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        total_requested: 3,
        successful_updates: 1,
        failed_updates: 2,
        results: [{ success: true, updated_user: { user_alias: 'bulk' } }, { success: false }, { success: false }],
      },
    });
    const everybody = await admin('POST', '/user/bulk_update', { all_users: true, user_updates: { tags: ['all'] } });
    expect(everybody).toMatchObject({ body: { failed_updates: 0 } });
    expect(await infoOf(user.user_id)).toMatchObject({ user_alias: 'bulk', tags: ['all'] });
  });

  test('lists are paged, filtered and sorted; the roles are named', async () => {
    for (const name of ['b', 'c', 'a']) {
      await make({ user_email: `${name}@paged.example`, user_role: 'internal_user_viewer', auto_create_key: false });
    }
    const page = await admin(
      'GET',
      '/user/list?user_email=PAGED&role=internal_user_viewer&page_size=2&sort_by=user_email&sort_order=asc',
    );
    expect(page).toMatchObject({
      body: {
        total: 3,
        page: 1,
        page_size: 2,
        total_pages: 2,
        users: [{ user_email: 'a@paged.example', key_count: 0 }, { user_email: 'b@paged.example' }],
      },
    });
    expect(await admin('GET', '/user/list?sort_by=password')).toMatchObject({ status: 422 });
    expect(await admin('GET', '/user/available_roles')).toMatchObject({
      body: { proxy_admin: { ui_label: expect.any(String) as string }, internal_user_viewer: {} },
    });
  });
});
