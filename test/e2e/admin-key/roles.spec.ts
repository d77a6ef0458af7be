import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { insertKey, insertOrganization, insertUser } from '../../factory/insert-key.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { errorOf, keyApi, ok, type Body, type KeyApi } from './key-api.js';

/** Callers by the key they come with. */
const WHO = [
  'admin',
  'adminViewer',
  'user',
  'viewer',
  'teamAdmin',
  'member',
  'orgAdmin',
  'stranger',
  'userless',
] as const;
type Who = (typeof WHO)[number];

let upstream: FakeUpstream;
let gateway: TestGateway;
let callers: Record<Who, KeyApi>;
/** Hashes of keys: the user's own one, the stranger's, a member's of the team, nobody's of the team. */
let tokens: Record<'own' | 'strangers' | 'members' | 'service', string>;

beforeAll(async () => {
  upstream = await fakeUpstream({ tools: [{ name: 'search', inputSchema: { type: 'object' } }] });
  const { url } = upstream;
  gateway = await startGateway({
    config: {
      mcp_servers: {
        wiki: { url, transport: 'http' },
        ops: { url, transport: 'http' },
        open: { url, transport: 'http', allow_all_keys: true },
      },
    },
  });
  const { databaseUrl } = gateway;
  const admin = keyApi(gateway, gateway.key);
  await insertOrganization(databaseUrl, { id: 'org' });
  const users: Record<string, 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer'> = {
    adminViewer: 'proxy_admin_viewer',
    user: 'internal_user',
    viewer: 'internal_user_viewer',
    teamAdmin: 'internal_user',
    member: 'internal_user',
    orgAdmin: 'internal_user',
    stranger: 'internal_user',
  };
  for (const [id, role] of Object.entries(users)) {
    await insertUser(databaseUrl, { id, role, permission: { servers: ['wiki'] } });
  }
  await ok(
    admin.post('/team/new', {
      team_id: 'team',
      organization_id: 'org',
      object_permission: { mcp_servers: ['wiki'] },
      members_with_roles: [
        { role: 'admin', user_id: 'teamAdmin' },
        { role: 'user', user_id: 'member' },
      ],
    }),
  );
  await ok(admin.post('/team/new', { team_id: 'foreign' }));
  await ok(
    admin.post('/organization/member_add', {
      organization_id: 'org',
      member: { role: 'org_admin', user_id: 'orgAdmin' },
    }),
  );
  const api = async (userId?: string): Promise<KeyApi> =>
    keyApi(gateway, (await insertKey(databaseUrl, userId === undefined ? {} : { userId })).key);
  callers = {
    admin,
    adminViewer: await api('adminViewer'),
    user: await api('user'),
    viewer: await api('viewer'),
    teamAdmin: await api('teamAdmin'),
    member: await api('member'),
    orgAdmin: await api('orgAdmin'),
    stranger: await api('stranger'),
    userless: await api(),
  };
});

beforeEach(async () => {
  const make = async (body: Body): Promise<string> =>
    String((await ok(callers.admin.post('/key/generate', body)))['token']);
  tokens = {
    own: await make({ user_id: 'user' }),
    strangers: await make({ user_id: 'stranger' }),
    members: await make({ user_id: 'member', team_id: 'team' }),
    service: await make({ team_id: 'team' }),
  };
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function whoMay(attempt: (api: KeyApi) => Promise<{ status: number }>): Promise<Who[]> {
  const allowed: Who[] = [];
  for (const who of WHO) if ((await attempt(callers[who])).status === 200) allowed.push(who);
  return allowed;
}

const MANAGERS: readonly Who[] = ['admin', 'teamAdmin', 'orgAdmin'];

describe('who may do what to keys', () => {
  test('reading: admins all, people their own, admins of teams and organizations theirs, members their team’s', async () => {
    const info = (token: string) => whoMay((api) => api.get(`/key/info?key=${token}`));
    expect(await info(tokens.own)).toEqual(['admin', 'adminViewer', 'user']);
    expect(await info(tokens.strangers)).toEqual(['admin', 'adminViewer', 'stranger']);
    expect(await info(tokens.service)).toEqual(['admin', 'adminViewer', 'teamAdmin', 'member', 'orgAdmin']);
  });

  test('everybody with a key their own credential, with or without a user', async () => {
    expect(await whoMay((api) => api.get('/key/info'))).toEqual(WHO.filter((who) => who !== 'admin'));
    expect(errorOf(await callers.user.get(`/key/info?key=${tokens.strangers}`))).toMatchObject({
      status: 403,
      message: "You are not allowed to access this key's info. Your role=internal_user",
    });
    expect(errorOf(await callers.user.get('/key/info?key=sk-nobody-has-this-one'))).toMatchObject({
      status: 404,
      message: 'Key not found in database',
    });
  });

  test('many at once: those one may see, and no word of the others', async () => {
    const { body } = await callers.user.post('/v2/key/info', { keys: [tokens.own, tokens.strangers, 'sk-unknown'] });
    expect(body).toMatchObject({ key: [tokens.own], info: [{ token: tokens.own }] });
  });

  test('making: one’s own, those of a team one administers, none of anybody else', async () => {
    const make = (body: Body) => whoMay((api) => api.post('/key/generate', body));
    const people: readonly Who[] = ['admin', 'user', 'teamAdmin', 'member', 'orgAdmin', 'stranger'];
    expect(await make({ object_permission: { mcp_servers: ['wiki'] } })).toEqual(people);
    expect(await make({ user_id: 'user' })).toEqual(['admin', 'user']);
    expect(await make({ team_id: 'team' })).toEqual(MANAGERS);
    expect(await make({ team_id: 'team', user_id: 'member' })).toEqual(['admin']);
    expect(await make({ team_id: 'foreign' })).toEqual(['admin']);
    expect(await make({ organization_id: 'org' })).toEqual(['admin', 'orgAdmin']);
    expect(await whoMay((api) => api.post('/key/service-account/generate', { team_id: 'team' }))).toEqual(MANAGERS);
    expect(errorOf(await callers.member.post('/key/generate', { team_id: 'team' }))).toMatchObject({
      status: 401,
      type: 'team_member_permission_error',
      message: expect.stringContaining('Team member does not have permissions for endpoint: /key/generate') as string,
    });
    // A team that is not there reads like one that is not theirs.
    const refused = await Promise.all(
      ['foreign', 'ghosts'].map(async (team) =>
        (await callers.user.post('/key/generate', { team_id: team })).text.replace(team, '?'),
      ),
    );
    expect(refused[0]).toBe(refused[1]);
  });

  test('changing, blocking, deleting', async () => {
    const change = (token: string, path: string, body: Body = {}) =>
      whoMay((api) => api.post(path, { key: token, ...body }));
    expect(await change(tokens.own, '/key/update', { tags: ['x'] })).toEqual(['admin', 'user']);
    expect(await change(tokens.members, '/key/update', { tags: ['x'] })).toEqual(MANAGERS);
    expect(await change(tokens.service, '/key/update', { max_budget: 1 })).toEqual(MANAGERS);
    expect(await change(tokens.service, '/key/block')).toEqual(MANAGERS);
    expect(await change(tokens.service, '/key/unblock')).toEqual(MANAGERS);
    expect(await change(tokens.own, '/key/block')).toEqual(['admin', 'user']);
    await ok(callers.admin.post('/key/block', { key: tokens.own }));
    expect(errorOf(await callers.user.post('/key/unblock', { key: tokens.own }))['status']).toBe(403);
    expect(errorOf(await callers.user.post('/key/update', { key: tokens.own, blocked: false }))['status']).toBe(403);
    expect(await whoMay((api) => api.post(`/key/${tokens.own}/reset_spend`, { reset_to: 0 }))).toEqual(['admin']);
    const remove = (token: string) => whoMay((api) => api.post('/key/delete', { keys: [token] }));
    expect(await remove(tokens.strangers)).toEqual(['admin']);
    for (const who of ['user', 'viewer', 'adminViewer', 'userless'] as const) {
      expect(await callers[who].post('/key/delete', { keys: [tokens.service] })).toMatchObject({ status: 403 });
    }
    expect(await callers.orgAdmin.post('/key/delete', { keys: [tokens.service] })).toMatchObject({ status: 200 });
    expect(await callers.user.post('/key/delete', { keys: [tokens.own, tokens.members] })).toMatchObject({
      status: 403,
    });
    expect(await callers.user.post('/key/delete', { keys: [tokens.own] })).toMatchObject({ status: 200 });
  });

  test('nobody gets a new secret of somebody else’s key, not even who administers the team', async () => {
    const renew = (token: string) => callers.teamAdmin.post(`/key/${token}/regenerate`);
    expect(await renew(tokens.members)).toMatchObject({ status: 403 });
    expect(await renew(tokens.service)).toMatchObject({ status: 200 });
    expect(await callers.user.post(`/key/${tokens.own}/regenerate`)).toMatchObject({ status: 200 });
  });

  test('members may what their team lets them', async () => {
    await ok(
      callers.admin.post('/team/permissions_update', {
        team_id: 'team',
        team_member_permissions: ['/key/info', '/key/generate', '/key/update'],
      }),
    );
    try {
      expect(await ok(callers.member.post('/key/generate', { team_id: 'team' }))).toMatchObject({ user_id: 'member' });
      expect(await callers.member.post('/key/update', { key: tokens.service, tags: ['m'] })).toMatchObject({
        status: 200,
      });
      expect(await callers.member.post('/key/delete', { keys: [tokens.service] })).toMatchObject({ status: 401 });
      expect(await callers.stranger.post('/key/update', { key: tokens.service, tags: ['s'] })).toMatchObject({
        status: 403,
      });
    } finally {
      await ok(callers.admin.post('/team/permissions_update', { team_id: 'team', team_member_permissions: [] }));
    }
  });
});

describe('nobody grants more than they hold', () => {
  const grant = (...servers: string[]) => ({ object_permission: { mcp_servers: servers } });

  test('a user cannot grant their own key what they were not granted, at once or later (defect 16)', async () => {
    for (const path of ['/key/generate', '/key/update', '/key/regenerate']) {
      const refused = await callers.user.post(path, {
        key: path === '/key/generate' ? undefined : tokens.own,
        ...grant('wiki', 'ops'),
      });
      expect([path, errorOf(refused)]).toMatchObject([
        path,
        { status: 403, message: expect.stringContaining('ops') as string },
      ]);
    }
    expect(await ok(callers.user.get(`/key/info?key=${tokens.own}`))).toMatchObject({
      info: { object_permission: null },
    });
    expect(await callers.user.post('/key/update', { key: tokens.own, ...grant('wiki', 'open') })).toMatchObject({
      status: 200,
    });
    expect(await callers.user.post('/key/generate', { access_group_ids: ['any'] })).toMatchObject({ status: 403 });
  });

  test('a key of a team names what the team has, whoever makes it', async () => {
    for (const who of ['admin', 'teamAdmin'] as const) {
      expect(errorOf(await callers[who].post('/key/generate', { team_id: 'team', ...grant('ops') }))).toMatchObject({
        status: 403,
        message: expect.stringContaining(
          "Key requests MCP servers not allowed by team 'team': ['ops']. Team allows: ['wiki']. Global (allow_all_keys) servers: ['open'].",
        ) as string,
      });
      expect(await callers[who].post('/key/generate', { team_id: 'team', ...grant('wiki', 'open') })).toMatchObject({
        status: 200,
      });
    }
  });

  test('taking a key out of its team is granting it anew', async () => {
    const teamAdmins = { role: 'admin', user_id: 'teamAdmin' };
    await ok(callers.admin.post('/team/new', { team_id: 'rich', members_with_roles: [teamAdmins], ...grant('ops') }));
    const made = { user_id: 'teamAdmin', team_id: 'rich', ...grant('ops') };
    const { token } = await ok(callers.admin.post('/key/generate', made));
    const moved = await callers.teamAdmin.post('/key/update', { key: token, team_id: null });
    expect(errorOf(moved)).toMatchObject({ status: 403, message: expect.stringContaining('do not hold') as string });
    expect(await callers.teamAdmin.post('/key/update', { key: token, tags: ['stays'] })).toMatchObject({ status: 200 });
  });

  test('one key does not get hold, by regenerating it, of what another was granted', async () => {
    const { token, key } = await ok(callers.admin.post('/key/generate', { user_id: 'member', ...grant('ops') }));
    expect(await callers.member.post(`/key/${String(token)}/regenerate`)).toMatchObject({ status: 403 });
    expect(await keyApi(gateway, String(key)).post(`/key/${String(token)}/regenerate`)).toMatchObject({ status: 200 });
  });
});

describe('lists', () => {
  const listed = async (who: Who, query = ''): Promise<readonly string[]> => {
    const { keys } = await ok(callers[who].get(`/key/list?size=100${query}`));
    return keys as string[];
  };

  test('show people their own, admins of teams theirs when asked for, and nobody another’s', async () => {
    expect(await listed('admin')).toEqual(expect.arrayContaining(Object.values(tokens)));
    expect(await listed('adminViewer')).toEqual(expect.arrayContaining(Object.values(tokens)));
    expect(await listed('user')).toContain(tokens.own);
    for (const who of ['user', 'stranger', 'userless', 'viewer'] as const) {
      for (const query of [
        '',
        '&include_team_keys=true',
        '&team_id=team',
        '&user_id=member',
        '&organization_id=org',
        '&status=deleted',
      ]) {
        const keys = await listed(who, query);
        expect([who, query, keys.filter((token) => token === tokens.members || token === tokens.service)]).toEqual([
          who,
          query,
          [],
        ]);
      }
    }
    expect(await listed('userless')).toHaveLength(1);
    expect(await listed('teamAdmin')).not.toContain(tokens.service);
    for (const query of ['&include_team_keys=true', '&team_id=team']) {
      expect(await listed('teamAdmin', query)).toEqual(expect.arrayContaining([tokens.members, tokens.service]));
      expect(await listed('orgAdmin', query)).toEqual(expect.arrayContaining([tokens.members, tokens.service]));
      expect(await listed('member', query)).not.toContain(tokens.service);
    }
    expect(await listed('orgAdmin', '&organization_id=org')).toContain(tokens.service);
  });

  test('of aliases show the same', async () => {
    await ok(callers.admin.post('/key/update', { key: tokens.service, key_alias: 'team-robot' }));
    await ok(callers.admin.post('/key/update', { key: tokens.own, key_alias: 'my_ide' }));
    const aliases = async (who: Who, query = '') => (await ok(callers[who].get(`/key/aliases${query}`)))['aliases'];
    expect(await aliases('admin')).toEqual(['my_ide', 'team-robot']);
    expect(await aliases('user')).toEqual(['my_ide']);
    expect(await aliases('teamAdmin')).toEqual(['team-robot']);
    expect(await aliases('stranger')).toEqual([]);
    expect(await aliases('admin', '?search=Y_I')).toEqual(['my_ide']);
    expect(await aliases('admin', '?search=_')).toEqual(['my_ide']);
    expect(await aliases('admin', '?size=1&page=2')).toEqual(['team-robot']);
  });
});
