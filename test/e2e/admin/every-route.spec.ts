import { hashKey } from '../../../src/platform/crypto/hash-key.js';
import { insertKey } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import {
  CALLERS,
  CONTROL_ROUTES,
  DOOR_ROUTES,
  OTHER_NAMES,
  type CallerName,
  type Fresh,
  type RouteRow,
} from './route-table.js';
import type { Route } from '../../../src/edge/gateway/route.js';

/** What nobody serves, and what looks like something public. */
const NO_ROUTES = [
  'GET /',
  'GET /nothing/here',
  'PUT /health',
  'OPTIONS /metrics',
  // Defect 2: `.well-known` somewhere in the URL made a request anonymous.
  'POST /mcp?next=/.well-known/oauth-protected-resource',
  'POST /mcp/.well-known',
  'GET /metrics?x=.well-known',
  'GET /metrics/.well-known/oauth-protected-resource',
  'GET /health/..%2fmetrics',
  'GET //metrics',
];

/** Requests under way at a time. */
const AT_ONCE = 8;

const DOORS: Readonly<Record<Route['door'], Readonly<Record<string, RouteRow>>>> = DOOR_ROUTES;
const ROWS = new Map<string, RouteRow>([
  ...Object.entries(CONTROL_ROUTES),
  ...Object.values(DOORS).flatMap((rows) => Object.entries(rows)),
]);
const isPublic = (route: string): boolean => ['public', 'open'].includes(rowOf(route)?.[0] ?? '');

/** The row of a registered route, also under its other name. */
function rowOf(route: string): RouteRow | undefined {
  const [other] = Object.keys(OTHER_NAMES).filter((name) => route.includes(` ${name}`));
  return (
    ROWS.get(route) ?? (other === undefined ? undefined : ROWS.get(route.replace(other, OTHER_NAMES[other] ?? '')))
  );
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(run));
  }
}

describe('every route and everybody', () => {
  let gateway: TestGateway;
  let upstream: FakeUpstream;
  let admin: AdminCaller;
  let registered: readonly string[];
  const keys = {} as Record<CallerName, string>;
  const bad: Record<string, Record<string, string>> = {};

  beforeAll(async () => {
    upstream = await fakeUpstream();
    gateway = await startGateway({
      config: {
        general_settings: { store_model_in_db: true, enable_mcp_registry: true },
      },
    });
    admin = adminCaller(gateway.url, gateway.key);
    registered = [...gateway.logs().matchAll(/Mapped \{([^,]+), ([A-Z]+)\} route/g)].map(
      ([, path = '', method = '']) => `${method} ${path}`,
    );
    await made('/v1/mcp/server', { server_id: 'srv', server_name: 'srv', url: upstream.url }, 201);
    await made(
      '/v1/mcp/server',
      {
        server_id: 'personal',
        server_name: 'personal',
        url: upstream.url,
        auth_type: 'oauth2',
        is_byok: true,
        header_variables: [{ name: 'X-Workspace', scope: 'per_user' }],
      },
      201,
    );
    await made('/v1/mcp/toolset', { toolset_name: 'set', tools: [{ server_id: 'srv', tool_name: 'echo' }] }, 201);
    for (const [user_id, user_role] of [
      ['foreign', 'internal_user'],
      ['member', 'internal_user'],
      ['teamAdmin', 'internal_user'],
      ['orgAdmin', 'internal_user'],
      ['viewer', 'proxy_admin_viewer'],
      ['proxyAdmin', 'proxy_admin'],
    ]) {
      await made('/user/new', { user_id, user_role, auto_create_key: false });
    }
    const object_permission = { mcp_servers: ['srv', 'personal'], mcp_toolsets: ['set'] };
    await made('/customer/new', { user_id: 'customer' });
    await made('/organization/new', { organization_id: 'our-org', organization_alias: 'ours', object_permission });
    await made('/organization/member_add', {
      organization_id: 'our-org',
      member: [{ user_id: 'orgAdmin', role: 'org_admin' }],
    });
    await makeTeam('ours');
    await made('/team/new', { team_id: 'theirs', members_with_roles: [{ user_id: 'foreign', role: 'admin' }] });
    const places: Record<CallerName, object> = {
      foreign: { team_id: 'theirs' },
      member: { team_id: 'ours' },
      teamAdmin: { team_id: 'ours' },
      orgAdmin: { organization_id: 'our-org', object_permission },
      viewer: {},
      proxyAdmin: {},
    };
    for (const name of CALLERS) {
      keys[name] = String((await made('/key/generate', { user_id: name, ...places[name] }))['key']);
    }
    const expired = await insertKey(gateway.databaseUrl, { teamId: 'ours', expiresAt: new Date(Date.now() - 1_000) });
    const blocked = await insertKey(gateway.databaseUrl, { teamId: 'ours', blocked: true });
    const deleted = await insertKey(gateway.databaseUrl, { teamId: 'ours', deletedAt: new Date() });
    Object.assign(bad, {
      none: {},
      'a wrong key': { 'x-litellm-api-key': 'Bearer sk-wrong-wrong-wrong-wrong' },
      // Defect 1: an invalid bearer made the caller anonymous.
      'a wrong bearer': { authorization: 'Bearer sk-wrong-wrong-wrong-wrong' },
      'an empty bearer': { authorization: 'Bearer ' },
      'basic authentication': { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
      'an empty key': { 'x-litellm-api-key': '' },
      'an expired key': { 'x-api-key': expired.key },
      'a blocked key': { 'x-api-key': blocked.key },
      'a deleted key': { 'x-api-key': deleted.key },
      'the hash of a good key': { 'x-api-key': hashKey(keys.proxyAdmin) },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  async function made(path: string, body: object, status = 200): Promise<Readonly<Record<string, unknown>>> {
    const answer = await admin('POST', path, body);
    expect({ path, ...answer }).toMatchObject({ status });
    return answer.body as Readonly<Record<string, unknown>>;
  }

  async function makeTeam(team_id: string): Promise<string> {
    await made('/team/new', {
      team_id,
      organization_id: 'our-org',
      object_permission: { mcp_servers: ['srv', 'personal'], mcp_toolsets: ['set'] },
      members_with_roles: [
        { user_id: 'member', role: 'user' },
        { user_id: 'teamAdmin', role: 'admin' },
      ],
    });
    return team_id;
  }

  let names = 0;
  const name = (): string => `fresh${(names += 1)}`;
  const fresh: Fresh = {
    name,
    key: async () => String((await made('/key/generate', { team_id: 'ours', user_id: 'member' }))['key']),
    team: () => makeTeam(name()),
    organization: async () => {
      const organization_id = name();
      await made('/organization/new', { organization_id, organization_alias: organization_id });
      await made('/organization/member_add', {
        organization_id,
        member: [{ user_id: 'orgAdmin', role: 'org_admin' }],
      });
      return organization_id;
    },
    user: async () => String((await made('/user/new', { user_id: name(), auto_create_key: false }))['user_id']),
    customer: async () => String((await made('/customer/new', { user_id: name() }))['user_id']),
    server: async () => {
      const server_id = name();
      await made('/v1/mcp/server', { server_id, server_name: server_id, url: upstream.url }, 201);
      return server_id;
    },
    submission: async () => {
      const call = adminCaller(gateway.url, keys.member);
      const { body } = await call('POST', '/v1/mcp/server/register', {
        server_name: name(),
        url: upstream.url,
        description: 'd',
      });
      return String((body as { server_id?: string }).server_id);
    },
    toolset: async () =>
      String((await made('/v1/mcp/toolset', { toolset_name: name(), tools: [] }, 201))['toolset_id']),
    accessGroup: async () =>
      String((await made('/v1/access_group', { access_group_name: name() }, 201))['access_group_id']),
    auditEntry: async () => {
      const { body } = await admin('GET', '/audit');
      return (body as { audit_logs: { id: string }[] }).audit_logs[0]?.id ?? '';
    },
  };

  /** The request of a row. Bodies of streams are not waited for. */
  async function send(route: string, headers: Record<string, string>, row?: RouteRow): Promise<Response> {
    const [method = 'GET', path = '/'] = route.split(' ');
    const request = row?.[1];
    const named = request?.named === undefined ? 'nobodys' : await request.named(fresh);
    const query = request?.query?.replace('{key}', request.query.includes('{key}') ? await fresh.key() : '');
    const body = request?.body === undefined ? '{}' : JSON.stringify(await request.body(fresh));
    const target = path
      .replace('*path', 'mcp/srv')
      .replaceAll(/:version\b/g, 'latest')
      .replaceAll(/:\w+/g, named);
    return fetch(`${gateway.url}${target}${query === undefined ? '' : `?${query}`}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method === 'GET' ? {} : { body }),
    });
  }

  async function ask(
    route: string,
    headers: Record<string, string>,
    row: RouteRow,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const response = await send(route, headers, row);
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (!isStream) return { status: response.status, text: await response.text() };
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }

  test('every registered route has a row, and every row is a route', () => {
    expect(registered.length).toBeGreaterThan(100);
    expect(registered.filter((route) => rowOf(route) === undefined)).toEqual([]);
    expect(Object.keys(CONTROL_ROUTES).filter((route) => !registered.includes(route))).toEqual([]);
  });

  test('without a valid credential every one answers 401 with the challenge, except discovery and liveness', async () => {
    const routes = [...registered, ...Object.values(DOORS).flatMap((rows) => Object.keys(rows)), ...NO_ROUTES];
    const guarded = routes.filter((each) => !isPublic(each));
    for (const [credential, headers] of Object.entries(bad)) {
      await inParallel(guarded, async (route) => {
        const response = await send(route, headers);
        expect([credential, route, response.status]).toEqual([credential, route, 401]);
        expect(response.headers.get('www-authenticate')).toMatch(
          /^Bearer resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource/,
        );
        expect(await response.text()).not.toMatch(/srv|stack|at |expired|blocked/);
      });
    }
  }, 60_000);

  test('the public ones say the same to everybody', async () => {
    const strangers = [...Object.values(bad), ...CALLERS.map((caller) => ({ 'x-api-key': keys[caller] }))];
    for (const headers of strangers) {
      await inParallel(registered.filter(isPublic), async (route) => {
        const response = await send(route, headers, rowOf(route));
        const isOpen = rowOf(route)?.[0] === 'open';
        // There is no server of the name that the table fills in.
        const refusals = route.includes('/:server/') ? [400, 403, 404] : [400, 403];
        const isAnswer = isOpen ? refusals.includes(response.status) : response.status === 200;
        expect([route, response.status, isAnswer || route.includes('versions')]).toEqual([
          route,
          response.status,
          true,
        ]);
        expect(response.headers.get('www-authenticate')).toBeNull();
        await response.text();
      });
      expect(await (await send('GET /health/liveness', headers)).text()).toBe("I'm alive!");
    }
    expect(await (await send('GET /health/readiness', {})).json()).toEqual({ status: 'healthy' });
  }, 60_000);

  test.each(CALLERS.map((caller, index) => [caller, index] as const))(
    'with the key of: %s, each answers as the table says',
    async (caller, index) => {
      const answers: Record<string, string> = {};
      const expected: Record<string, string> = {};
      const leaks: string[] = [];
      const check = async (route: string, row: RouteRow): Promise<void> => {
        expected[route] = row[0].split(' ')[index] ?? '';
        const { status, text } = await ask(route, { 'x-api-key': keys[caller] }, row);
        answers[route] = String(status);
        // What is told to the admin of another team has nothing of this one in it.
        const tells = status < 300 && /"srv"|our-org|"ours"|"member"/.test(text) && route !== 'GET /openapi.json';
        if (caller === 'foreign' && tells) leaks.push(route);
      };
      const guarded = [...ROWS].filter(([, [answer]]) => answer !== 'public' && answer !== 'open');
      await inParallel(guarded, ([route, row]) => check(route, row));
      expect(answers).toEqual(expected);
      expect(leaks).toEqual([]);
    },
    60_000,
  );

  test('a stranger’s body is not read, and does not become the next request', async () => {
    const huge = 'x'.repeat(8 * 1024 * 1024);
    const response = await fetch(`${gateway.url}/mcp-rest/test/connection`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: huge,
    }).catch((error: unknown) => error);
    // Either the answer came, or the connection was cut while we were still sending.
    if (response instanceof Response) expect(response.status).toBe(401);
    expect((await send('GET /health/liveness', {})).status).toBe(200);
  });
});

describe('what the discovery document says', () => {
  test('is the same whether or not a server exists, and trusts no forwarded header (defect 28)', async () => {
    const gateway = await startGateway({ config: { mcp_servers: { wiki: { url: 'http://127.0.0.1:9/mcp' } } } });
    const read = async (path: string, headers: Record<string, string> = {}): Promise<unknown> =>
      (await fetch(`${gateway.url}/.well-known/oauth-protected-resource${path}`, { headers })).json();
    const expected = (path: string): unknown => ({
      resource: `${gateway.url}${path}`,
      resource_name: 'Gatehouse',
      authorization_servers: [gateway.url],
      scopes_supported: ['mcp'],
      bearer_methods_supported: ['header'],
    });
    const spoofed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '444' };
    expect(await read('')).toEqual(expected('/mcp'));
    expect(await read('/mcp/wiki')).toEqual(expected('/mcp/wiki'));
    expect(await read('/mcp/nobody', spoofed)).toEqual(expected('/mcp/nobody'));
    expect(await read('/wiki/mcp', spoofed)).toEqual(expected('/wiki/mcp'));
    await gateway.close();
  });

  test('follows a trusted proxy, and PROXY_BASE_URL before everything', async () => {
    const proxied = await startGateway({ config: { general_settings: { mcp_trusted_proxy_ranges: ['127.0.0.0/8'] } } });
    const headers = { 'x-forwarded-host': 'mcp.example.com', 'x-forwarded-proto': 'https' };
    const read = async (url: string): Promise<unknown> =>
      (await fetch(`${url}/.well-known/oauth-protected-resource/mcp/a`, { headers })).json();
    expect(await read(proxied.url)).toMatchObject({ resource: 'https://mcp.example.com/mcp/a' });
    await proxied.close();

    const named = await startGateway({
      config: { general_settings: { mcp_trusted_proxy_ranges: ['127.0.0.0/8'] } },
      env: { PROXY_BASE_URL: 'https://gate.example.org', SERVER_ROOT_PATH: '/tools' },
    });
    expect(await read(`${named.url}/tools`)).toMatchObject({ resource: 'https://gate.example.org/tools/mcp/a' });
    expect((await fetch(`${named.url}/tools/health/liveness`)).status).toBe(200);
    expect((await fetch(`${named.url}/health/liveness`)).status).toBe(200);
    const refused = await fetch(`${named.url}/tools/metrics`);
    expect(refused.headers.get('www-authenticate')).toContain(
      '"https://gate.example.org/tools/.well-known/oauth-protected-resource"',
    );
    await named.close();
  });
});
