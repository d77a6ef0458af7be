import { changeRow, insertKey, insertTeam, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

interface Explained {
  readonly allowed: boolean;
  readonly reason: string;
  readonly server: unknown;
  readonly steps: readonly { readonly step: string; readonly says: string; readonly words: string }[];
}

/** What a caller may see and why: `/v1/mcp/access/explain`, `/v1/mcp/tools`, `/v1/mcp/network/client-ip`. */
describe('what a caller may see, and why', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: ['read', 'write'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    });
    const at = (name: string, more: object = {}): object => ({
      url: `${upstream.url}?${name}`,
      transport: 'http',
      ...more,
    });
    gateway = await startGateway({
      config: {
        general_settings: { use_x_forwarded_for: true, mcp_trusted_proxy_ranges: ['127.0.0.1'] },
        mcp_servers: {
          github: at('github', { alias: 'gh', disallowed_tools: ['write'], allowed_params: { read: ['q'] } }),
          jira: at('jira', { available_on_public_internet: false }),
          dead: { url: 'http://127.0.0.1:1/mcp', transport: 'http' },
        },
      },
    });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  const explain = async (caller: AdminCaller, query: Record<string, string>): Promise<Explained> => {
    const answer = await caller('GET', `/v1/mcp/access/explain?${new URLSearchParams(query).toString()}`);
    expect(answer.status).toBe(200);
    return answer.body as Explained;
  };
  const said = ({ steps }: Explained): string[] => steps.map(({ step, says }) => `${step} ${says}`);

  it('is explained to administrators for any key, by the key, its hash or its alias', async () => {
    const teamId = await insertTeam(gateway.databaseUrl, { permission: { servers: ['jira'] } });
    const made = await insertKey(gateway.databaseUrl, { alias: 'ci', teamId, permission: { servers: ['gh', 'jira'] } });
    for (const key of [made.key, made.hash, 'ci']) {
      const told = await explain(admin, { key, server: 'github', tool: 'gh-read' });
      expect(told).toMatchObject({
        allowed: false,
        reason: 'Tool "gh-read" of server "github" may not be called',
        key: { token: made.hash, key_alias: 'ci' },
        caller: { team_id: teamId },
        tool: 'read',
      });
      expect(said(told)).toEqual(['key allows', 'team denies', 'intersection denies', 'server_policy allows']);
    }
    expect(await explain(admin, { key: 'ci', server: 'jira', tool: 'read' })).toMatchObject({ allowed: true });
    const outside = await explain(admin, { key: 'ci', server: 'jira', client_ip: '203.0.113.7' });
    expect([outside.allowed, ...said(outside)]).toEqual([
      false,
      'key allows',
      'team allows',
      'intersection allows',
      'address denies',
    ]);
  });

  it('tells of the server’s own lists and parameters', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['gh'] } });
    const denied = await explain(admin, { key, server: 'gh', tool: 'write' });
    expect(denied.steps.at(-1)).toMatchObject({
      says: 'denies',
      words: "The tool is one of the server's disallowed_tools",
    });
    expect(await explain(admin, { key, server: 'gh', tool: 'read' })).toMatchObject({
      allowed: true,
      allowed_params: ['q'],
    });
  });

  it('is explained to everybody for their own key, and of what is not theirs as of what does not exist', async () => {
    const { key, hash } = await insertKey(gateway.databaseUrl, { permission: { servers: ['gh'] } });
    const other = await insertKey(gateway.databaseUrl, { alias: 'others' });
    const own = adminCaller(gateway.url, key);
    expect(await explain(own, { server: 'gh' })).toMatchObject({ allowed: true, key: { token: hash } });
    expect(await explain(own, { key, server: 'gh' })).toMatchObject({ allowed: true });
    for (const foreign of [other.key, other.hash, 'others', 'nobody']) {
      expect((await own('GET', `/v1/mcp/access/explain?server=gh&key=${foreign}`)).status).toBe(404);
    }
    const denied = await explain(own, { server: 'jira' });
    const absent = await explain(own, { server: 'none' });
    expect(denied.server).toBeNull();
    expect(JSON.stringify(denied)).toBe(JSON.stringify(absent).replaceAll('none', 'jira'));
    expect((await own('GET', '/v1/mcp/access/explain')).status).toBe(422);
  });

  it('is explained for a blocked key too', async () => {
    const { id } = await insertKey(gateway.databaseUrl, { alias: 'blocked', permission: { servers: ['gh'] } });
    await changeRow(gateway.databaseUrl, 'key', id, 'UPDATE virtual_key SET blocked = true WHERE id = $1::uuid', [id]);
    expect(await explain(admin, { key: 'blocked', server: 'gh' })).toMatchObject({
      allowed: false,
      reason: 'The key is refused: key blocked',
    });
  });

  it('is listed by /v1/mcp/tools as by /mcp, everything for administrators and viewers; what is down is named', async () => {
    const names = async (caller: AdminCaller): Promise<string[]> => {
      const { body } = await caller('GET', '/v1/mcp/tools');
      return (body as { tools: { name: string }[] }).tools.map(({ name }) => name);
    };
    const all = ['gh-read', 'jira-read', 'jira-write'];
    expect(await names(admin)).toEqual(all);
    expect((await admin('GET', '/v1/mcp/tools')).body).toMatchObject({
      _meta: { 'gatehouse/outcomes': { dead: { status: 'failed' } } },
    });
    const userId = await insertUser(gateway.databaseUrl, { role: 'proxy_admin_viewer' });
    const viewer = await insertKey(gateway.databaseUrl, { userId });
    expect(await names(adminCaller(gateway.url, viewer.key))).toEqual(all);
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['gh'] } });
    expect(await names(adminCaller(gateway.url, key))).toEqual(['gh-read']);
    const { key: nothing } = await insertKey(gateway.databaseUrl, {});
    expect(await names(adminCaller(gateway.url, nothing))).toEqual([]);
  });

  it('a proxy admin viewer calls nothing', async () => {
    const userId = await insertUser(gateway.databaseUrl, { role: 'proxy_admin_viewer' });
    const { key } = await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['gh'] } });
    const told = await explain(admin, { key, server: 'gh', tool: 'read' });
    expect([told.allowed, ...said(told)]).toEqual([false, 'role denies', 'server_policy allows']);
  });

  it('comes from the address that the gateway sees', async () => {
    const ask = async (headers: Record<string, string>) => {
      const response = await fetch(`${gateway.url}/v1/mcp/network/client-ip`, {
        headers: { 'x-litellm-api-key': gateway.key, ...headers },
      });
      return response.json();
    };
    expect(await ask({})).toEqual({ ip: '127.0.0.1' });
    expect(await ask({ 'x-forwarded-for': '10.0.0.9, 203.0.113.7' })).toEqual({ ip: '203.0.113.7' });
    expect(await ask({ 'x-forwarded-for': 'nonsense' })).toEqual({ ip: null });
  });
});
