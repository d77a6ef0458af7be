import { Logger } from '@nestjs/common';
import { GATEWAY_PRINCIPAL } from '../../src/core/model/gateway-principal.js';
import { NO_IDENTITY_HEADER } from '../../src/core/model/identity-header.js';
import { Secret } from '../../src/core/model/secret.js';
import type { IdentitySettings } from '../../src/platform/config/identity-settings.js';
import { ChangeFeed } from '../../src/platform/database/change-feed.js';
import { ControlWriter } from '../../src/platform/database/control-writer.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { SigningKeys } from '../../src/state/signing/signing-keys.js';
import { SigningKeysStore } from '../../src/state/signing/signing-keys.store.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { waitFor } from '../harness/wait-for.js';

const SETTINGS: IdentitySettings = {
  defaults: NO_IDENTITY_HEADER,
  issuer: undefined,
  ttlMs: 300_000,
  rotationMs: 90 * 86_400_000,
  fixedKey: undefined,
};

beforeAll(() => Logger.overrideLogger(false));

let database: TestPostgres;
let closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  database = await testPostgres();
});

afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
  await database.drop();
});

async function replica(settings: Partial<IdentitySettings> = {}, salt = 'salt'): Promise<SigningKeys> {
  const server = new DatabaseServer(database.url);
  const prisma = new PrismaService(server);
  const feed = new ChangeFeed(server, prisma);
  await feed.onModuleInit();
  const store = new SigningKeysStore(prisma, new ControlWriter(prisma, feed), new Secret(salt));
  const keys = new SigningKeys(store, feed, { ...SETTINGS, ...settings });
  keys.onModuleInit();
  closing.push(async () => {
    keys.onApplicationShutdown();
    await feed.close();
    await prisma.close();
  });
  return keys;
}

const rows = () => database.query('SELECT id FROM signing_key ORDER BY signs_from');

test('of replicas that all want the first key one makes it', async () => {
  const replicas = await Promise.all(Array.from({ length: 4 }, () => replica()));
  const active = await Promise.all(replicas.flatMap((keys) => [keys.active(), keys.active()]));
  expect(new Set(active.map(({ id }) => id)).size).toBe(1);
  expect(await rows()).toHaveLength(1);
});

test('a key that is old enough gets a successor by itself, once, which is shown before it signs', async () => {
  const replicas = await Promise.all([replica({ rotationMs: 1 }), replica({ rotationMs: 1 })]);
  const { id: first } = await replicas[0].active();
  await waitFor(async () => {
    const [here, there] = await Promise.all(replicas.map((keys) => keys.active()));
    expect([here?.id, there?.id]).toEqual([first, first]);
    return (await rows()).length === 2;
  });
  for (const keys of replicas) await waitFor(async () => (await keys.published()).length === 2);
  // Its successor is not due before it signs.
  for (const keys of replicas) await keys.active();
  expect(await rows()).toHaveLength(2);
  const audit = await database.query(`SELECT actor_id FROM audit_entry WHERE object_kind = 'signing_key'`);
  expect(audit.map((row) => row['actor_id'])).toEqual(['gateway', 'gateway']);
});

test('a key whose salt is gone signs nothing: another is made, and what it signed can still be checked', async () => {
  const before = await (await replica()).active();
  const other = await replica({}, 'another salt');
  const after = await other.active();
  expect(after.id).not.toBe(before.id);
  expect((await other.published()).map(({ kid }) => kid).sort()).toEqual([before.id, after.id].sort());
});

test('keys that are known go on signing while the database is away', async () => {
  const keys = await replica();
  const { id } = await keys.active();
  await database.query('ALTER TABLE signing_key RENAME TO elsewhere');
  expect((await keys.active()).id).toBe(id);
  await expect(keys.rotate(GATEWAY_PRINCIPAL, false)).rejects.toThrow();
  expect((await keys.active()).id).toBe(id);
  await database.query('ALTER TABLE elsewhere RENAME TO signing_key');
});
