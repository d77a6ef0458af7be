import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { Secret } from '../../src/core/model/secret.js';
import { FlowStore } from '../../src/edge/oauth/flow.store.js';
import { OAuthRetention } from '../../src/edge/oauth/oauth-retention.js';
import { ChangeFeed } from '../../src/platform/database/change-feed.js';
import { ControlWriter } from '../../src/platform/database/control-writer.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { OAuthGrantStore } from '../../src/state/identity/oauth-grant.store.js';
import { makePrincipal } from '../factory/make-principal.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';

describe('what sign-ins wait for', () => {
  let database: TestPostgres;
  let prisma: PrismaService;
  let flows: FlowStore;
  let grants: OAuthGrantStore;
  let client: pg.Client;

  beforeAll(async () => {
    database = await testPostgres();
    const server = new DatabaseServer(database.url);
    prisma = new PrismaService(server);
    flows = new FlowStore(prisma, new Secret('a salt'));
    grants = new OAuthGrantStore(prisma, new ControlWriter(prisma, new ChangeFeed(server, prisma)));
    client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
    await prisma.close();
    await database.drop();
  });

  const browser = 'B'.repeat(43);

  test('is looked at again and again, and taken once, however many take it at the same time', async () => {
    const handle = await flows.begin('code', { for: 'ada' }, { ttlMs: 60_000 });
    expect([await flows.look('code', handle), await flows.look('code', handle)]).toEqual([
      { for: 'ada' },
      { for: 'ada' },
    ]);
    const taken = await Promise.all(Array.from({ length: 8 }, () => flows.take('code', handle)));
    expect(taken.filter((one) => one?.kind === 'taken')).toHaveLength(1);
    expect(taken.filter((one) => one?.kind === 'used')).toHaveLength(7);
    expect(await flows.look('code', handle)).toBeUndefined();
  });

  test('is for its kind, its browser and its time', async () => {
    const handle = await flows.begin('authorize', 1, { ttlMs: 60_000, browser });
    expect(await flows.look('login', handle, browser)).toBeUndefined();
    expect(await flows.look('authorize', handle)).toBeUndefined();
    expect(await flows.take('authorize', handle, 'C'.repeat(43))).toBeUndefined();
    expect(await flows.look('authorize', handle, browser)).toBe(1);
    const over = await flows.begin('authorize', 1, { ttlMs: -1, browser });
    expect([await flows.look('authorize', over, browser), await flows.take('authorize', over, browser)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(await flows.take('authorize', 'nothing', browser)).toBeUndefined();
  });

  test('stands in the database as hash and sealed text; moved to another row or kind it opens nothing', async () => {
    const handle = await flows.begin('session', { secret: 'canary-payload' }, { ttlMs: 60_000, browser });
    const { rows } = await client.query('SELECT * FROM oauth_flow');
    const text = JSON.stringify(rows);
    for (const secret of [handle, browser, 'canary-payload']) expect(text.includes(secret)).toBe(false);
    const other = await flows.begin('session', { secret: 'other' }, { ttlMs: 60_000, browser });
    await client.query(`
      UPDATE oauth_flow AS a SET payload = b.payload FROM oauth_flow AS b
      WHERE a.kind = 'session' AND b.kind = 'session' AND a.handle_hash <> b.handle_hash`);
    expect([await flows.look('session', handle, browser), await flows.look('session', other, browser)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('a value is spent once, at whichever replica', async () => {
    const another = new FlowStore(prisma, new Secret('a salt'));
    const spent = await Promise.all([flows.spend('jti 1', 60_000), another.spend('jti 1', 60_000)]);
    expect(spent.sort()).toEqual([false, true]);
    expect(await flows.spend('jti 2', 60_000)).toBe(true);
  });

  test('goes when it is over, and grants with it; one person cannot fill the table', async () => {
    const actor = makePrincipal({}, { id: 'key:filler', keyId: randomUUID() });
    const grant = (expiresAt: number) => ({
      id: randomUUID(),
      holder: { kind: 'key' as const, keyHash: 'hash' },
      clientId: 'client',
      clientName: 'client',
      redirectHost: 'localhost',
      audience: '/mcp',
      scopes: ['mcp'],
      expiresAt,
    });
    await grants.create(makePrincipal({}, { id: 'key:old', keyId: randomUUID() }), grant(Date.now() - 1_000));
    await client.query(`
      INSERT INTO oauth_grant (id, holder, principal_id, client_id, client_name, redirect_host, audience, created_at, expires_at)
      SELECT gen_random_uuid(), 'key', 'key:filler', 'c', 'c', '', '/mcp', now() - make_interval(secs => n), now() + interval '1 hour'
      FROM generate_series(1, 202) AS n`);
    await grants.create(actor, grant(Date.now() + 60_000));
    const count = async (where: string): Promise<number> =>
      Number((await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${where}`)).rows[0]?.n);
    expect(await count(`oauth_grant WHERE principal_id = 'key:filler'`)).toBe(200);
    const kept = await flows.begin('code', 1, { ttlMs: 60_000 });
    await client.query(`UPDATE oauth_flow SET expires_at = now() - interval '2 hours' WHERE kind <> 'code'`);
    const retention = new OAuthRetention(flows, grants, pino({ level: 'silent' }));
    expect(await retention.sweep()).toBeGreaterThan(1);
    expect(await count(`oauth_grant WHERE principal_id = 'key:old'`)).toBe(0);
    expect(await count(`oauth_flow WHERE kind <> 'code'`)).toBe(0);
    expect(await flows.look('code', kept)).toBe(1);
  });
});
