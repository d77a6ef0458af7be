import { insertKey, insertOrganization, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const SERVERS = { alpha: { url: 'http://127.0.0.1:9/mcp' }, beta: { url: 'http://127.0.0.1:9/mcp' } };

/** Every documented field of a team (reference §3.8) that a body may name, with a value that is not its default. */
const FIELDS: Readonly<Record<string, unknown>> = {
  team_alias: 'Search',
  team_member_permissions: ['/key/info', '/key/generate'],
  metadata: { cost_center: 7, nested: { deep: [1, 'two', null] } },
  tpm_limit: 1_000,
  rpm_limit: 10,
  tpm_limit_type: 'dynamic',
  rpm_limit_type: 'guaranteed_throughput',
  max_budget: 100.5,
  soft_budget: 50.25,
  budget_duration: '30d',
  budget_reset_at: '2030-01-01T00:00:00.000Z',
  budget_id: 'gold',
  budget_limits: [{ budget_duration: '1d', max_budget: 5 }],
  max_parallel_requests: 4,
  models: ['small', 'large'],
  model_aliases: { fast: 'small' },
  model_rpm_limit: { small: 3 },
  model_tpm_limit: { small: 300 },
  model_max_budget: { small: { max_budget: 2 } },
  blocked: true,
  tags: ['a', 'b'],
  guardrails: ['pii'],
  policies: ['p'],
  prompts: ['q'],
  allowed_passthrough_routes: ['/vertex'],
  secret_manager_settings: { namespace: 'team-a' },
  team_member_budget: 1.5,
  team_member_budget_duration: '1mo',
  team_member_rpm_limit: 6,
  team_member_tpm_limit: 60,
  team_member_key_duration: '2w',
  allowed_vector_store_indexes: ['docs'],
  router_settings: { num_retries: 2 },
  access_group_ids: ['group-1'],
  disable_global_guardrails: true,
  allow_team_guardrail_config: true,
};

interface Team extends Record<string, unknown> {
  readonly team_id: string;
  readonly members_with_roles: readonly { readonly user_id: string; readonly role: string }[];
}

/** `/team/*` on a whole gateway: reference §3.8. */
describe('teams', () => {
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    gateway = await startGateway({ config: { mcp_servers: SERVERS } });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(() => gateway.close());

  async function makeTeam(fields: Readonly<Record<string, unknown>> = {}): Promise<Team> {
    const { status, body } = await admin('POST', '/team/new', fields);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as Team;
  }

  async function infoOf(teamId: string): Promise<Team> {
    const { body } = await admin('GET', `/team/info?team_id=${encodeURIComponent(teamId)}`);
    return (body as { team_info: Team }).team_info;
  }

  /** A user with a key, in these teams and organizations. */
  async function person(
    role: 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer' = 'internal_user',
  ): Promise<{ readonly id: string; readonly call: AdminCaller }> {
    const id = await insertUser(gateway.databaseUrl, { role });
    const { key } = await insertKey(gateway.databaseUrl, { userId: id });
    return { id, call: adminCaller(gateway.url, key) };
  }

  describe('what is written comes back', () => {
    test('every documented field, from /team/new, /team/update and /team/info', async () => {
      const made = await makeTeam(FIELDS);
      expect(made).toMatchObject(FIELDS);
      expect(await infoOf(made.team_id)).toMatchObject(FIELDS);

      const { team_id } = await makeTeam();
      const updated = await admin('POST', '/team/update', { team_id, ...FIELDS });
      expect(updated).toMatchObject({ status: 200, body: { team_id, data: FIELDS } });
      expect(await infoOf(team_id)).toMatchObject(FIELDS);
    });

    test('an update changes what it names and nothing else; null clears', async () => {
      const { team_id } = await makeTeam(FIELDS);
      await admin('POST', '/team/update', { team_id, team_alias: 'Renamed', tags: null, metadata: null });
      expect(await infoOf(team_id)).toMatchObject({ ...FIELDS, team_alias: 'Renamed', tags: null, metadata: {} });
    });

    test('a budget that starts anew says when', async () => {
      const { budget_reset_at } = await makeTeam({ budget_duration: '1d' });
      const inMs = new Date(String(budget_reset_at)).getTime() - Date.now();
      expect(inMs).toBeGreaterThan(23 * 3_600_000);
      expect(inMs).toBeLessThanOrEqual(24 * 3_600_000);
    });

    test('object_permission, with servers by id whatever they were called, merged field by field', async () => {
      const { team_id, object_permission } = await makeTeam({
        object_permission: { mcp_servers: ['ALPHA'], vector_stores: ['v'] },
      });
      const { mcp_servers: stored } = object_permission as { mcp_servers: string[] };
      expect(stored).toHaveLength(1);
      expect(stored).not.toEqual(['ALPHA']);
      await admin('POST', '/team/update', { team_id, object_permission: { mcp_tool_permissions: { alpha: ['one'] } } });
      expect(await infoOf(team_id)).toMatchObject({
        object_permission: {
          mcp_servers: stored,
          mcp_tool_permissions: { [String(stored[0])]: ['one'] },
          vector_stores: ['v'],
          mcp_access_groups: null,
        },
      });
      await admin('POST', '/team/update', { team_id, object_permission: null });
      await admin('POST', '/team/update', { team_id, object_permission: { mcp_servers: [] } });
      expect(await infoOf(team_id)).toMatchObject({ object_permission: { mcp_servers: [], vector_stores: ['v'] } });
    });

    test("an id and members of one's own choice, the deprecated lists included", async () => {
      const made = await makeTeam({
        team_id: 'team of my own',
        members_with_roles: [{ role: 'admin', user_id: 'boss' }, { user_email: 'Ann@Example.com' }],
        admins: ['second'],
        members: ['third'],
      });
      expect(made).toMatchObject({ team_id: 'team of my own', admins: ['boss', 'second'] });
      expect(made.members_with_roles).toMatchObject([
        { user_id: 'boss', role: 'admin' },
        { user_email: 'ann@example.com', role: 'user' },
        { user_id: 'second', role: 'admin' },
        { user_id: 'third', role: 'user' },
      ]);
      expect(await admin('POST', '/team/new', { team_id: 'team of my own' })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringContaining('already exists') as string, code: '400' } },
      });
    });
  });

  describe('what does not fit is refused', () => {
    test.each([
      ['a soft budget no lower than the budget', { max_budget: 5, soft_budget: 5 }, 400],
      ['a negative budget', { max_budget: -1 }, 400],
      ['an unknown organization', { organization_id: 'nobody' }, 404],
      ['a role nobody knows', { members_with_roles: [{ role: 'king', user_id: 'x' }] }, 422],
      ['a member without a name', { members_with_roles: [{ role: 'user' }] }, 422],
      ['a list that is none', { models: 'small' }, 422],
      ['an id of control characters', { team_id: 'a\nb' }, 422],
      ['a body that is a list', [], 422],
    ])('%s', async (_what, body, status) => {
      expect(await admin('POST', '/team/new', body)).toMatchObject({ status });
    });

    test('by an update, against what is stored', async () => {
      const { team_id } = await makeTeam({ max_budget: 10, soft_budget: 5 });
      expect(await admin('POST', '/team/update', { team_id, max_budget: 4 })).toMatchObject({
        status: 400,
        body: { error: { message: 'soft_budget (5) must be strictly lower than max_budget (4)' } },
      });
      expect(await admin('POST', '/team/update', { max_budget: 4 })).toMatchObject({ status: 422 });
      expect(await admin('POST', '/team/update', { team_id: 'nowhere' })).toMatchObject({ status: 404 });
      expect(await admin('POST', '/team/update')).toMatchObject({ status: 422 });
    });
  });

  describe('members', () => {
    test('are added by id or address, one or many; who is not there yet gets an account', async () => {
      const { team_id } = await makeTeam();
      const one = await admin('POST', '/team/member_add', {
        team_id,
        member: { role: 'user', user_email: 'New@example.com' },
        max_budget_in_team: 3,
      });
      expect(one).toMatchObject({
        status: 200,
        body: {
          team_id,
          updated_users: [{ user_email: 'new@example.com', user_role: 'internal_user' }],
          updated_team_memberships: [{ team_id, litellm_budget_table: { max_budget: 3 } }],
        },
      });
      const many = await admin('POST', '/team/member_add', {
        team_id,
        member: [{ role: 'admin', user_id: 'm-1' }, { user_id: 'm-2' }],
      });
      expect(many).toMatchObject({ status: 200, body: { admins: ['m-1'] } });
      expect((await infoOf(team_id)).members_with_roles).toHaveLength(3);
    });

    test('who is in already is refused, and nobody of that request is added', async () => {
      const { team_id } = await makeTeam({ members: ['here'] });
      const answer = await admin('POST', '/team/member_add', {
        team_id,
        member: [{ user_id: 'not yet' }, { user_id: 'here' }],
      });
      expect(answer).toMatchObject({ status: 400, body: { error: { type: 'team_member_already_in_team' } } });
      expect((await infoOf(team_id)).members_with_roles).toHaveLength(1);
    });

    test('in bulk: says of each what became of them', async () => {
      const { team_id } = await makeTeam({ members: ['old'] });
      const answer = await admin('POST', '/team/bulk_member_add', {
        team_id,
        members: [{ user_id: 'old' }, { user_id: 'fresh' }],
      });
      expect(answer).toMatchObject({
        status: 200,
        body: {
          total_requested: 2,
          successful_additions: 1,
          failed_additions: 1,
          results: [
            { user_id: 'old', success: false },
            { user_id: 'fresh', success: true },
          ],
        },
      });
      const all = await admin('POST', '/team/bulk_member_add', { team_id, all_users: true });
      expect(all).toMatchObject({ status: 200, body: { failed_additions: 0 } });
    });

    test('change their role and limits, and leave with their keys of the team', async () => {
      const { team_id } = await makeTeam({ members: ['mover'] });
      const updated = await admin('POST', '/team/member_update', {
        team_id,
        user_id: 'mover',
        role: 'admin',
        max_budget_in_team: 2,
        tpm_limit: 5,
        rpm_limit: 6,
      });
      expect(updated).toMatchObject({
        status: 200,
        body: { team_id, user_id: 'mover', role: 'admin', max_budget_in_team: 2, tpm_limit: 5, rpm_limit: 6 },
      });
      const { key } = await insertKey(gateway.databaseUrl, { userId: 'mover', teamId: team_id });
      const member = adminCaller(gateway.url, key);
      expect(await member('GET', '/team/info')).toMatchObject({ status: 200, body: { keys: [{ team_id }] } });
      const left = await admin('POST', '/team/member_delete', { team_id, user_id: 'mover' });
      expect(left).toMatchObject({ status: 200, body: { members_with_roles: [] } });
      expect(await member('GET', '/team/info')).toMatchObject({ status: 401 });
      expect(await admin('POST', '/team/member_delete', { team_id, user_id: 'mover' })).toMatchObject({ status: 400 });
    });
  });

  test('a team that moves takes its keys to the other organization', async () => {
    const [from, to] = [await insertOrganization(gateway.databaseUrl), await insertOrganization(gateway.databaseUrl)];
    const { team_id } = await makeTeam({ organization_id: from });
    await insertKey(gateway.databaseUrl, { teamId: team_id, organizationId: from });
    const moved = await admin('POST', '/team/update', { team_id, organization_id: to });
    expect(moved).toMatchObject({ status: 200, body: { data: { organization_id: to } } });
    const info = await admin('GET', `/team/info?team_id=${team_id}`);
    expect(info).toMatchObject({ body: { keys: [{ organization_id: to }] } });
  });

  describe('deleting', () => {
    test('ends the team, its memberships and its keys at once; the audit keeps them', async () => {
      const { team_id } = await makeTeam({ members: ['leaver'] });
      const { key, id: keyId } = await insertKey(gateway.databaseUrl, { teamId: team_id });
      const ofTeam = adminCaller(gateway.url, key);
      expect(await ofTeam('GET', '/team/info')).toMatchObject({ status: 200, body: { team_id } });

      expect(await admin('POST', '/team/delete', { team_ids: [team_id] })).toEqual({
        status: 200,
        body: { deleted_teams: [team_id] },
      });
      expect(await ofTeam('GET', '/team/info')).toMatchObject({ status: 401 });
      expect(await admin('GET', `/team/info?team_id=${team_id}`)).toMatchObject({ status: 404 });
      const deleted = await admin('GET', `/v2/team/list?status=deleted&team_id=${team_id}`);
      expect(deleted).toMatchObject({ body: { total: 1, teams: [{ team_id, deleted_by: 'master', members: [] }] } });
      const audit = await admin('GET', `/audit?object_id=${keyId}`);
      expect(audit).toMatchObject({ status: 200, body: { audit_logs: [{ action: 'deleted', table_name: 'key' }] } });
    });

    test('is all or nothing', async () => {
      const { team_id } = await makeTeam();
      expect(await admin('POST', '/team/delete', { team_ids: [team_id, 'nowhere'] })).toMatchObject({ status: 404 });
      expect(await infoOf(team_id)).toMatchObject({ team_id });
    });
  });

  describe('lists', () => {
    test('show everybody their own teams only, and the whole house to admins and viewers', async () => {
      const [mine, foreign] = [await makeTeam(), await makeTeam()];
      const [member, viewer, stranger] = [await person(), await person('proxy_admin_viewer'), await person()];
      await admin('POST', '/team/member_add', { team_id: mine.team_id, member: { user_id: member.id } });
      const idsOf = async (call: AdminCaller): Promise<readonly string[]> =>
        ((await call('GET', '/team/list')).body as readonly Team[]).map(({ team_id }) => team_id);
      expect(await idsOf(member.call)).toEqual([mine.team_id]);
      expect(await idsOf(stranger.call)).toEqual([]);
      expect(await idsOf(viewer.call)).toEqual(expect.arrayContaining([mine.team_id, foreign.team_id]));
      expect(await member.call('GET', '/v2/team/list?status=deleted')).toMatchObject({ body: { total: 0 } });
    });

    test('keys of others are shown to those who administer the team, not to members or to keys of the team', async () => {
      const [member, boss] = [await person(), await person()];
      const { team_id } = await makeTeam();
      const members = [{ user_id: member.id }, { user_id: boss.id, role: 'admin' }];
      await admin('POST', '/team/member_add', { team_id, member: members });
      await insertKey(gateway.databaseUrl, { teamId: team_id, userId: member.id, alias: 'of the member' });
      const service = await insertKey(gateway.databaseUrl, { teamId: team_id, alias: 'of a service' });
      const aliasesOf = async (call: AdminCaller): Promise<readonly (string | null)[]> => {
        const { body } = await call('GET', `/team/info?team_id=${team_id}`);
        return (body as { keys: { key_alias: string | null }[] }).keys.map(({ key_alias }) => key_alias).sort();
      };
      expect(await aliasesOf(boss.call)).toEqual(['of a service', 'of the member']);
      expect(await aliasesOf(member.call)).toEqual(['of the member']);
      expect(await aliasesOf(adminCaller(gateway.url, service.key))).toEqual(['of a service']);
    });

    test('are paged, filtered and sorted', async () => {
      const organization_id = await insertOrganization(gateway.databaseUrl);
      for (const name of ['b', 'c', 'a']) await makeTeam({ team_alias: `paged-${name}`, organization_id });
      const page = await admin(
        'GET',
        `/v2/team/list?organization_id=${organization_id}&page=1&page_size=2&sort_by=team_alias&sort_order=asc`,
      );
      expect(page).toMatchObject({
        status: 200,
        body: {
          total: 3,
          page: 1,
          page_size: 2,
          total_pages: 2,
          teams: [{ team_alias: 'paged-a' }, { team_alias: 'paged-b' }],
        },
      });
      expect(await admin('GET', '/v2/team/list?page_size=1000')).toMatchObject({ status: 422 });
      expect(await admin('GET', '/v2/team/list?team_alias=PAGED-C')).toMatchObject({ body: { total: 1 } });
      expect(await admin('GET', '/team/available')).toEqual({ status: 200, body: [] });
    });
  });

  describe('blocking, models and member permissions', () => {
    test('a blocked team stops all its keys until it is unblocked', async () => {
      const { team_id } = await makeTeam();
      const { key } = await insertKey(gateway.databaseUrl, { teamId: team_id });
      const ofTeam = adminCaller(gateway.url, key);
      expect(await ofTeam('GET', '/team/list')).toMatchObject({ status: 200 });
      expect(await admin('POST', '/team/block', { team_id })).toMatchObject({ status: 200, body: { blocked: true } });
      expect(await ofTeam('GET', '/team/list')).toMatchObject({ status: 401 });
      expect(await admin('POST', '/team/unblock', { team_id })).toMatchObject({ body: { blocked: false } });
      expect(await ofTeam('GET', '/team/list')).toMatchObject({ status: 200 });
    });

    test('models are added and taken away one by one', async () => {
      const { team_id } = await makeTeam({ models: ['a'] });
      expect(await admin('POST', '/team/model/add', { team_id, models: ['b', 'a'] })).toMatchObject({
        body: { models: ['a', 'b'] },
      });
      expect(await admin('POST', '/team/model/delete', { team_id, models: ['a'] })).toMatchObject({
        body: { models: ['b'] },
      });
    });

    test('what members may do with keys is shown beside all there is', async () => {
      const { team_id } = await makeTeam();
      const permissions = ['/key/generate'];
      await admin('POST', '/team/permissions_update', { team_id, team_member_permissions: permissions });
      expect(await admin('GET', `/team/permissions_list?team_id=${team_id}`)).toMatchObject({
        body: {
          team_id,
          team_member_permissions: permissions,
          all_available_permissions: expect.arrayContaining(['/key/generate', '/key/info']) as string[],
        },
      });
    });
  });

  describe('who may what', () => {
    type Standing = 'proxy_admin' | 'viewer' | 'org_admin' | 'team_admin' | 'member' | 'read_only_member' | 'stranger';
    const callers = new Map<Standing, AdminCaller>();
    let team: Team;
    let organizationId: string;

    beforeAll(async () => {
      const made = await admin('POST', '/organization/new', { organization_alias: 'house' });
      organizationId = (made.body as { organization_id: string }).organization_id;
      team = await makeTeam({ organization_id: organizationId });
      const { team_id } = team;
      const orgAdmin = await person();
      await admin('POST', '/organization/member_add', {
        organization_id: organizationId,
        member: { role: 'org_admin', user_id: orgAdmin.id },
      });
      const teamAdmin = await person();
      const member = await person();
      const readOnly = await person('internal_user_viewer');
      await admin('POST', '/team/member_add', {
        team_id,
        member: [
          { user_id: teamAdmin.id, role: 'admin' },
          { user_id: member.id, role: 'user' },
          { user_id: readOnly.id, role: 'admin' },
        ],
      });
      callers.set('proxy_admin', admin);
      callers.set('viewer', (await person('proxy_admin_viewer')).call);
      callers.set('org_admin', orgAdmin.call);
      callers.set('team_admin', teamAdmin.call);
      callers.set('member', member.call);
      callers.set('read_only_member', readOnly.call);
      callers.set('stranger', (await person()).call);
    });

    const EVERYBODY: readonly Standing[] = [
      'proxy_admin',
      'viewer',
      'org_admin',
      'team_admin',
      'member',
      'read_only_member',
      'stranger',
    ];
    const INSIDERS = EVERYBODY.filter((standing) => standing !== 'stranger');
    const ADMINS: readonly Standing[] = ['proxy_admin', 'org_admin', 'team_admin'];
    const ABOVE: readonly Standing[] = ['proxy_admin', 'org_admin'];

    test.each<[string, readonly Standing[], string, string, (id: string) => unknown]>([
      ['read it', INSIDERS, 'GET', '/team/info?team_id=', () => undefined],
      ['read member permissions', INSIDERS, 'GET', '/team/permissions_list?team_id=', () => undefined],
      ['set its alias', ADMINS, 'POST', '/team/update', (team_id) => ({ team_id, team_alias: 'x' })],
      [
        'set member permissions',
        ADMINS,
        'POST',
        '/team/permissions_update',
        (team_id) => ({ team_id, team_member_permissions: [] }),
      ],
      [
        'update members',
        ADMINS,
        'POST',
        '/team/member_update',
        (team_id) => ({ team_id, user_id: 'boarder', tpm_limit: 3 }),
      ],
      ['set its budget', ABOVE, 'POST', '/team/update', (team_id) => ({ team_id, max_budget: 4 })],
      ['set its limits', ABOVE, 'POST', '/team/update', (team_id) => ({ team_id, tpm_limit: 4 })],
      ['set its models', ABOVE, 'POST', '/team/model/add', (team_id) => ({ team_id, models: ['m'] })],
      [
        'take it out of its organization',
        ['proxy_admin'],
        'POST',
        '/team/update',
        (team_id) => ({ team_id, organization_id: null }),
      ],
      [
        'give it unified access groups',
        ['proxy_admin'],
        'POST',
        '/team/update',
        (team_id) => ({ team_id, access_group_ids: ['g'] }),
      ],
      ['block it', ABOVE, 'POST', '/team/block', (team_id) => ({ team_id })],
      ['unblock it', ABOVE, 'POST', '/team/unblock', (team_id) => ({ team_id })],
      ['add everybody', ['proxy_admin'], 'POST', '/team/bulk_member_add', (team_id) => ({ team_id, all_users: true })],
      ['delete it', ABOVE, 'POST', '/team/delete', (team_id) => ({ team_ids: [team_id] })],
    ])('%s: %j', async (what, allowed, method, path, bodyOf) => {
      const { team_id } = team;
      if (what === 'update members') {
        await admin('POST', '/team/member_add', { team_id, member: { user_id: 'boarder' } });
      }
      // Those who may not go first: what they try must not have happened.
      const order = [...EVERYBODY].sort((a, b) => Number(allowed.includes(a)) - Number(allowed.includes(b)));
      for (const standing of order) {
        const caller = callers.get(standing) ?? admin;
        // What the first deletes is not there for the second.
        if (what === 'delete it' && standing === 'org_admin') continue;
        const { status } = await caller(method, method === 'GET' ? path + team_id : path, bodyOf(team_id));
        expect([standing, status]).toEqual([standing, allowed.includes(standing) ? 200 : 403]);
        if (what.startsWith('take it out')) {
          await admin('POST', '/team/update', { team_id, organization_id: organizationId });
        }
      }
    });

    test('only proxy admins make teams anywhere; org admins in their own organization', async () => {
      const elsewhere = await insertOrganization(gateway.databaseUrl);
      for (const standing of EVERYBODY) {
        const caller = callers.get(standing) ?? admin;
        const statuses = [
          (await caller('POST', '/team/new', {})).status,
          (await caller('POST', '/team/new', { organization_id: organizationId })).status,
          (await caller('POST', '/team/new', { organization_id: elsewhere })).status,
        ];
        const expected =
          standing === 'proxy_admin' ? [200, 200, 200] : standing === 'org_admin' ? [403, 200, 403] : [403, 403, 403];
        expect([standing, ...statuses]).toEqual([standing, ...expected]);
      }
    });

    test("a team that does not exist reads like one that is not the caller's", async () => {
      const foreign = await makeTeam();
      const stranger = callers.get('stranger') ?? admin;
      const textOf = async (id: string) =>
        JSON.stringify(await stranger('GET', `/team/info?team_id=${id}`)).replaceAll(id, 'ID');
      expect(await textOf(foreign.team_id)).toBe(await textOf('00000000-0000-4000-8000-000000000000'));
    });

    test('nobody grants a team more than they hold, and admins of a team only narrow it', async () => {
      const { team_id } = await makeTeam({
        organization_id: organizationId,
        object_permission: { mcp_servers: ['alpha'] },
      });
      const boss = await person();
      await admin('POST', '/team/member_add', { team_id, member: { user_id: boss.id, role: 'admin' } });
      const orgAdmin = callers.get('org_admin') ?? admin;
      for (const caller of [boss.call, orgAdmin]) {
        const widened = await caller('POST', '/team/update', { team_id, object_permission: { mcp_servers: ['beta'] } });
        expect(widened).toMatchObject({ status: 403 });
        expect(JSON.stringify(widened.body)).toContain('beta');
      }
      const narrowed = await boss.call('POST', '/team/update', { team_id, object_permission: { mcp_servers: [] } });
      expect(narrowed).toMatchObject({ status: 200, body: { data: { object_permission: { mcp_servers: [] } } } });
    });
  });
});
