import { insertKey, insertTeam, insertUser } from '../../factory/insert-key.js';
import { adminCaller, type AdminAnswer, type AdminCaller } from '../../harness/admin-call.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

type Permission = Record<string, unknown>;

/** Writing `object_permission` (reference §3.7): three states, merged by field, and nobody grants more than they hold. */
describe('granting', () => {
  let gateway: TestGateway;
  let admin: AdminCaller;
  let ids: Record<string, string>;

  beforeAll(async () => {
    const at = (name: string, more: object = {}): object => ({
      url: `http://127.0.0.1:1/${name}`,
      transport: 'http',
      ...more,
    });
    gateway = await startGateway({
      config: {
        general_settings: { store_model_in_db: true },
        mcp_servers: {
          github: at('github', { alias: 'gh', access_groups: ['dev'] }),
          jira: at('jira', { access_groups: ['dev'] }),
          wiki: at('wiki', { allow_all_keys: true }),
        },
      },
    });
    admin = adminCaller(gateway.url, gateway.key);
    const servers = (await admin('GET', '/v1/mcp/server')).body as { server_id: string; server_name: string }[];
    ids = Object.fromEntries(servers.map(({ server_name, server_id }) => [server_name, server_id]));
  });

  afterAll(() => gateway.close());

  const generate = (caller: AdminCaller, body: object): Promise<AdminAnswer> => caller('POST', '/key/generate', body);
  const messageOf = ({ body }: AdminAnswer): string => (body as { error: { message: string } }).error.message;

  async function stored(caller: AdminCaller, object_permission: Permission, more: object = {}): Promise<Permission> {
    const answer = await generate(caller, { object_permission, ...more });
    expect(answer.status).toBe(200);
    const { token } = answer.body as { token: string };
    return permissionOf(token);
  }

  async function permissionOf(token: string): Promise<Permission> {
    const { body } = await admin('GET', `/key/info?key=${token}`);
    return (body as { info: { object_permission: Permission } }).info.object_permission;
  }

  it('keeps servers by id and tools by the server’s own names, whatever they were called', async () => {
    const kept = await stored(admin, {
      mcp_servers: ['gh', 'GITHUB', 'all-proxy-mcpservers', 'later'],
      mcp_tool_permissions: { gh: ['gh-read', 'write'], [ids['github'] ?? '']: ['wipe'] },
      vector_stores: ['v'],
    });
    expect(kept).toMatchObject({
      mcp_servers: [ids['github'], 'all-proxy-mcpservers', 'later'],
      mcp_tool_permissions: { [ids['github'] ?? '']: ['read', 'write', 'wipe'] },
      mcp_access_groups: null,
      mcp_toolsets: null,
      vector_stores: ['v'],
    });
  });

  it('merges field by field: present replaces, absent stays, [] allows nothing, null says nothing', async () => {
    const made = await generate(admin, {
      object_permission: { mcp_servers: ['gh'], mcp_access_groups: ['dev'], mcp_tool_permissions: {} },
    });
    const { token } = made.body as { token: string };
    expect(await permissionOf(token)).toMatchObject({ mcp_tool_permissions: null });
    const update = async (object_permission: unknown): Promise<Permission> => {
      expect((await admin('POST', '/key/update', { key: token, object_permission })).status).toBe(200);
      return permissionOf(token);
    };
    const was = { mcp_servers: [ids['github']], mcp_access_groups: ['dev'], mcp_tool_permissions: null };
    expect(await update({ mcp_access_groups: [] })).toMatchObject({ ...was, mcp_access_groups: [] });
    expect(await update(null)).toMatchObject({ ...was, mcp_access_groups: [] });
    expect(await update({ mcp_servers: null })).toMatchObject({ mcp_servers: null, mcp_access_groups: [] });
    expect(await update({ mcp_servers: ['jira'] })).toMatchObject({ mcp_servers: [ids['jira']] });
  });

  it.each<[string, unknown, string]>([
    ['a list that is none', { mcp_servers: 'gh' }, 'object_permission,mcp_servers'],
    ['an entry that is no text', { mcp_servers: [1] }, 'object_permission,mcp_servers,0'],
    ['tools that are no list', { mcp_tool_permissions: { gh: 'read' } }, 'object_permission,mcp_tool_permissions,gh'],
    ['something else', 'everything', 'object_permission'],
  ])('refuses %s with 422, saying where', async (_title, object_permission, where) => {
    const { status, body } = await generate(admin, { object_permission });
    expect(status).toBe(422);
    const [first] = (body as { detail: { loc: unknown[] }[] }).detail;
    expect(first?.loc.slice(1).join()).toContain(where);
  });

  describe('to a team’s key', () => {
    it('is refused beyond what the team has, in the words clients know, even to administrators', async () => {
      const team_id = await insertTeam(gateway.databaseUrl, { permission: { servers: ['gh'] } });
      const answer = await generate(admin, {
        team_id,
        object_permission: { mcp_servers: ['gh', 'jira', 'wiki', 'none'] },
      });
      expect(answer.status).toBe(403);
      expect(messageOf(answer)).toBe(
        `Key requests MCP servers not allowed by team '${team_id}': ['jira', 'none']. ` +
          "Team allows: ['github']. Global (allow_all_keys) servers: ['wiki'].",
      );
      for (const object_permission of [
        { mcp_access_groups: ['dev'] },
        { mcp_servers: ['all-proxy-mcpservers'] },
        { mcp_tool_permissions: { jira: ['read'] } },
        { mcp_toolsets: ['none'] },
      ]) {
        expect((await generate(admin, { team_id, object_permission })).status).toBe(403);
      }
      for (const object_permission of [
        { mcp_servers: ['github', 'wiki'] },
        { mcp_servers: ['all-team-mcpservers'] },
        { mcp_servers: ['no-mcp-servers'] },
        { mcp_tool_permissions: { gh: ['read'] } },
        { mcp_servers: [] },
      ]) {
        expect((await generate(admin, { team_id, object_permission })).status).toBe(200);
      }
    });

    it('is not limited where the team says nothing', async () => {
      const team_id = await insertTeam(gateway.databaseUrl, {});
      expect((await generate(admin, { team_id, object_permission: { mcp_servers: ['jira'] } })).status).toBe(200);
    });
  });

  describe('by somebody who is no administrator', () => {
    it('is refused what they do not hold, in one wording for what exists and what does not (defect 16)', async () => {
      const userId = await insertUser(gateway.databaseUrl, {});
      const { key } = await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['gh'] } });
      const caller = adminCaller(gateway.url, key);
      const refusal = async (object_permission: Permission): Promise<string> => {
        const answer = await generate(caller, { object_permission });
        expect(answer.status).toBe(403);
        return messageOf(answer);
      };
      expect(await refusal({ mcp_servers: ['gh', 'jira'] })).toBe(
        "object_permission names what you do not hold: ['jira']",
      );
      expect(await refusal({ mcp_servers: ['none'] })).toBe("object_permission names what you do not hold: ['none']");
      expect(await refusal({ mcp_servers: ['all-proxy-mcpservers'] })).toContain('all-proxy-mcpservers');
      expect(await refusal({ mcp_access_groups: ['dev'] })).toContain("['dev']");
      expect(await refusal({ mcp_toolsets: ['none'] })).toContain("['none']");
      expect(await refusal({ mcp_tool_permissions: { jira: ['read'] } })).toContain("['jira: read']");
      // Saying nothing would give the new key whatever the user has, past this key.
      expect(await refusal({})).toContain('must name what it grants');
      expect((await generate(caller, {})).status).toBe(403);
      for (const object_permission of [{ mcp_servers: ['gh', 'wiki'] }, { mcp_servers: [] }]) {
        expect((await generate(caller, { object_permission })).status).toBe(200);
      }
    });

    it('is refused to a key itself: it cannot widen what it was given', async () => {
      const userId = await insertUser(gateway.databaseUrl, { permission: { servers: ['gh', 'jira'] } });
      const { key } = await insertKey(gateway.databaseUrl, {
        userId,
        permission: { servers: ['gh'], toolPermissions: { gh: ['read', 'write'] } },
      });
      const caller = adminCaller(gateway.url, key);
      const update = (object_permission: unknown) => caller('POST', '/key/update', { key, object_permission });
      for (const wider of [
        { mcp_servers: ['gh', 'jira'] },
        { mcp_tool_permissions: { gh: ['wipe'] } },
        { mcp_tool_permissions: null },
        { mcp_servers: null, mcp_tool_permissions: null },
      ]) {
        expect((await update(wider)).status).toBe(403);
      }
      expect((await update({ mcp_tool_permissions: { gh: ['read'] } })).status).toBe(200);
      expect((await update({ mcp_tool_permissions: { gh: ['read', 'write'] } })).status).toBe(403);
      expect((await update({ mcp_servers: [] })).status).toBe(200);
    });

    it('keeps what the owner has already, though they could not give it', async () => {
      const userId = await insertUser(gateway.databaseUrl, {});
      const asker = await insertKey(gateway.databaseUrl, { userId, permission: { servers: [] } });
      const { hash } = await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['gh', 'jira'] } });
      const caller = adminCaller(gateway.url, asker.key);
      const update = (mcp_servers: readonly string[]) =>
        caller('POST', '/key/update', { key: hash, object_permission: { mcp_servers } });
      expect((await update(['jira'])).status).toBe(200);
      expect((await update(['gh', 'jira'])).status).toBe(403);
    });
  });
});
