import { Secret } from '../../src/core/model/secret.js';
import { hashKey } from '../../src/platform/crypto/hash-key.js';
import { Sealer } from '../../src/platform/crypto/sealer.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { GatewaySecretsStore } from '../../src/state/identity/gateway-secrets.store.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';

let database: TestPostgres;
let clients: PrismaService[];

beforeEach(async () => {
  database = await testPostgres();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) await client.close();
  await database.drop();
});

/** What one replica has. */
function replica(saltKey?: Secret): GatewaySecretsStore {
  const prisma = new PrismaService(new DatabaseServer(database.url));
  clients.push(prisma);
  return new GatewaySecretsStore(prisma, { masterKey: undefined, saltKey, otherSaltKeys: [] });
}

describe('secrets an installation makes for itself', () => {
  it('the first-run master key is shown to exactly one of many replicas and accepted by all', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => replica().firstRunMasterKeyHash()));
    const created = answers.flatMap((answer) => answer.created ?? []);
    expect(created).toHaveLength(1);
    const key = created[0]?.reveal() ?? '';
    expect(key).toMatch(/^sk-/);
    expect(new Set(answers.map(({ hash }) => hash))).toEqual(new Set([hashKey(key)]));
  });

  it('the first-run master key is never shown again, and not in the database', async () => {
    const { hash, created } = await replica().firstRunMasterKeyHash();
    expect(await replica().firstRunMasterKeyHash()).toEqual({ hash });
    const dump = JSON.stringify(await database.query('SELECT * FROM gateway_setting'));
    expect(dump).toContain(hash);
    expect(dump).not.toContain(created?.reveal());
  });

  it('the sealing secret is one for all replicas and stays the same', async () => {
    const secrets = await Promise.all(Array.from({ length: 5 }, () => replica().sealingSecret()));
    const sealed = secrets.map((secret) => new Sealer(secret, 'test').seal('word'));
    const later = new Sealer(await replica().sealingSecret(), 'test');
    for (const text of sealed) expect(later.open(text)).toBe('word');
  });

  it('LITELLM_SALT_KEY is used when it is set, and nothing is stored', async () => {
    const secret = await replica(new Secret('salt-of-the-operator')).sealingSecret();
    expect(secret.reveal()).toBe('salt-of-the-operator');
    expect(await database.query('SELECT * FROM gateway_setting')).toEqual([]);
  });

  it('a database that is away is told as such', async () => {
    const store = replica();
    await database.drop();
    await expect(store.sealingSecret()).rejects.toMatchObject({ code: 'database/unavailable' });
    await expect(store.firstRunMasterKeyHash()).rejects.toMatchObject({ code: 'database/unavailable' });
  });
});
