import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { connectV1, connectV2 } from '../../harness/mcp-client.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { waitFor } from '../../harness/wait-for.js';

/** A connected SDK client, whichever. */
interface Person {
  tools(): Promise<readonly string[]>;
  /** What the tool said, or why it could not be called. */
  call(tool: string): Promise<string>;
  timesTold(): number;
  leave(): Promise<void>;
}

/** Two people of one team, by key. */
interface Tenants {
  readonly teamId: string;
  /** May use `wiki` only. */
  readonly reader: string;
  /** May use `mail`, and of `wiki` one tool. */
  readonly writer: string;
}

const SERVERS = '/v1/mcp/server';
const CONFIG = { general_settings: { store_model_in_db: true } };
/** A second, and another for a machine that does other things; polling takes longer. */
const AT_ONCE_MS = 2_000;
/** What everybody may use, and each key of it. */
const READER_TOOLS = ['wiki-read', 'wiki-search'];
const WRITER_TOOLS = ['mail-send', 'wiki-search'];

let wiki: FakeUpstream;
let mail: FakeUpstream;

const saying = (text: string) => ({ inputSchema: { type: 'object' }, run: () => text });

beforeAll(async () => {
  wiki = await fakeUpstream({
    tools: [
      { name: 'read', ...saying('a page') },
      { name: 'search', ...saying('two pages') },
    ],
  });
  mail = await fakeUpstream({ tools: [{ name: 'send', ...saying('sent') }] });
});

afterAll(() => Promise.all([wiki.close(), mail.close()]));

/** Asks for `status`, and gives what was answered. */
async function done(answer: ReturnType<AdminCaller>, status = 200): Promise<Readonly<Record<string, unknown>>> {
  const { status: answered, body } = await answer;
  expect({ answered, body }).toMatchObject({ answered: status });
  return body as Readonly<Record<string, unknown>>;
}

/** From nothing: two servers, an organization, a team, two keys with different grants. All by REST. */
async function settle(admin: AdminCaller): Promise<Tenants> {
  await done(admin('POST', SERVERS, { server_id: 'wiki', server_name: 'wiki', url: wiki.url }), 201);
  await done(admin('POST', SERVERS, { server_id: 'mail', server_name: 'mail', url: mail.url }), 201);
  const both = { mcp_servers: ['wiki', 'mail'] };
  const organization = await done(
    admin('POST', '/organization/new', { organization_alias: 'Acme', object_permission: both }),
  );
  const { team_id: teamId } = await done(
    admin('POST', '/team/new', {
      team_alias: 'Research',
      organization_id: organization['organization_id'],
      object_permission: both,
    }),
  );
  const keyWith = async (object_permission: object): Promise<string> => {
    const { key } = await done(admin('POST', '/key/generate', { team_id: teamId, object_permission }));
    return String(key);
  };
  return {
    teamId: String(teamId),
    reader: await keyWith({ mcp_servers: ['wiki'] }),
    writer: await keyWith({ ...both, mcp_tool_permissions: { wiki: ['search'] } }),
  };
}

async function sdkV1(gateway: GatewayProcess, key: string): Promise<Person> {
  const client = await connectV1(`${gateway.url}/mcp`, { key });
  let told = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (told += 1));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name).sort(),
    call: async (name) => said(client.callTool({ name, arguments: {} })),
    timesTold: () => told,
    leave: () => client.close(),
  };
}

async function sdkV2(gateway: GatewayProcess, key: string): Promise<Person> {
  const client = await connectV2(`${gateway.url}/mcp`, { key });
  let told = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => void (told += 1));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name).sort(),
    call: async (name) => said(client.callTool({ name, arguments: {} })),
    timesTold: () => told,
    leave: () => client.close(),
  };
}

async function said(call: Promise<unknown>): Promise<string> {
  try {
    const { content } = (await call) as { content: readonly { readonly text: string }[] };
    return content[0]?.text ?? '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The words for a tool that one may not call are those for one that does not exist. */
const unknown = (name: string): unknown => expect.stringContaining(`Unknown tool: ${name}`);

async function expectTheirTools(gateway: GatewayProcess, { reader, writer }: Tenants): Promise<void> {
  for (const connect of [sdkV1, sdkV2]) {
    const readers = await connect(gateway, reader);
    expect(await readers.tools()).toEqual(READER_TOOLS);
    expect(await readers.call('wiki-read')).toBe('a page');
    expect(await readers.call('mail-send')).toEqual(unknown('mail-send'));
    await readers.leave();
    const writers = await connect(gateway, writer);
    expect(await writers.tools()).toEqual(WRITER_TOOLS);
    expect(await writers.call('mail-send')).toBe('sent');
    expect(await writers.call('wiki-search')).toBe('two pages');
    expect(await writers.call('wiki-read')).toEqual(unknown('wiki-read'));
    expect(await writers.call('nothing-at-all')).toEqual(unknown('nothing-at-all'));
    await writers.leave();
  }
}

/** Waits until `count` clients hold their stream of notifications open. */
async function streamsOpen(gateway: GatewayProcess, count: number): Promise<void> {
  const headers = { 'x-api-key': gateway.key };
  await waitFor(
    async () => {
      const text = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
      return Number(/^gatehouse_client_streams(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? 0) >= count;
    },
    { what: `${count} open streams` },
  );
}

/** The team loses `wiki` through `admin`; sessions that are open at `gateway` know it in time, and get it back. */
async function expectLossIsSeen(
  admin: AdminCaller,
  gateway: GatewayProcess,
  { teamId, reader, writer }: Tenants,
  timeoutMs: number,
): Promise<void> {
  const people = await Promise.all([sdkV1(gateway, reader), sdkV2(gateway, writer)]);
  const [readers, writers] = people;
  expect([await readers.tools(), await writers.tools()]).toEqual([READER_TOOLS, WRITER_TOOLS]);
  await streamsOpen(gateway, 2);
  await done(admin('POST', '/team/update', { team_id: teamId, object_permission: { mcp_servers: ['mail'] } }));
  await waitFor(() => people.every((person) => person.timesTold() > 0), { what: 'list_changed', timeoutMs });
  expect(await readers.tools()).toEqual([]);
  expect(await writers.tools()).toEqual(['mail-send']);
  expect(await readers.call('wiki-read')).toEqual(unknown('wiki-read'));
  expect(await writers.call('wiki-search')).toEqual(unknown('wiki-search'));
  expect(await writers.call('mail-send')).toBe('sent');
  await done(admin('POST', '/team/update', { team_id: teamId, object_permission: { mcp_servers: ['wiki', 'mail'] } }));
  await waitFor(async () => (await readers.tools()).length === 2, { what: 'the server to come back', timeoutMs });
  await Promise.all(people.map((person) => person.leave()));
}

test('on the embedded database: from nothing to two keys, each with exactly its tools; a loss is seen at once', async () => {
  const gateway = await startGatewayProcess({ config: CONFIG });
  try {
    const admin = adminCaller(gateway.url, gateway.key);
    const tenants = await settle(admin);
    await expectTheirTools(gateway, tenants);
    await expectLossIsSeen(admin, gateway, tenants, AT_ONCE_MS);
  } finally {
    await gateway.close();
  }
}, 90_000);

describe('on two gateways that share a Postgres', () => {
  let database: TestPostgres;
  let one: GatewayProcess;
  let other: GatewayProcess;
  let tenants: Tenants;
  let here: AdminCaller;
  let there: AdminCaller;

  beforeAll(async () => {
    database = await testPostgres();
    const databaseUrl = database.url.reveal();
    [one, other] = await Promise.all([
      startGatewayProcess({ config: CONFIG, databaseUrl }),
      startGatewayProcess({ config: CONFIG, databaseUrl }),
    ]);
    here = adminCaller(one.url, one.key);
    there = adminCaller(other.url, other.key);
  }, 90_000);

  afterAll(async () => {
    await Promise.all([one.close(), other.close()]);
    await database.drop();
  });

  test('what one writes the other serves', async () => {
    tenants = await settle(here);
    await waitFor(async () => (await there('GET', `${SERVERS}/mail`)).status === 200, { timeoutMs: AT_ONCE_MS });
    await expectTheirTools(other, tenants);
  }, 30_000);

  test('a loss written at one is seen by sessions at the other', async () => {
    await expectLossIsSeen(here, other, tenants, AT_ONCE_MS);
  }, 30_000);

  test('a key that is blocked at one is refused by the other (defect 50)', async () => {
    const { key } = await done(here('POST', '/key/generate', { team_id: tenants.teamId }));
    const person = await sdkV1(other, String(key));
    expect(await person.tools()).toHaveLength(3);
    await done(here('POST', '/key/block', { key }));
    await waitFor(
      async () => (await fetch(`${other.url}/mcp`, { headers: { 'x-api-key': String(key) } })).status === 401,
      {
        timeoutMs: AT_ONCE_MS,
      },
    );
    await person.leave();
  }, 30_000);

  test('one that gets no notices hears of it by polling, the same story in a few seconds', async () => {
    const deaf = await startGatewayProcess({
      config: CONFIG,
      databaseUrl: `${database.url.reveal()}?pgbouncer=true`,
    });
    try {
      await expectTheirTools(deaf, tenants);
      await expectLossIsSeen(here, deaf, tenants, 10_000);
    } finally {
      await deaf.close();
    }
  }, 90_000);

  test('one is killed outright; the other goes on, and takes writes', async () => {
    const stays = await sdkV1(other, tenants.reader);
    expect(await stays.tools()).toEqual(READER_TOOLS);
    one.kill('SIGKILL');
    await one.exited;
    expect(await stays.call('wiki-read')).toBe('a page');
    await stays.leave();
    await expectTheirTools(other, tenants);
    await expectLossIsSeen(there, other, tenants, AT_ONCE_MS);
    const { key } = await done(there('POST', '/key/generate', { team_id: tenants.teamId }));
    const late = await sdkV2(other, String(key));
    expect(await late.tools()).toEqual(['mail-send', 'wiki-read', 'wiki-search']);
    await late.leave();
  }, 60_000);
});
