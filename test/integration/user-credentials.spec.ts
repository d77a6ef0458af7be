import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { SealingSecret } from '../../src/core/model/sealing-secret.js';
import { Secret } from '../../src/core/model/secret.js';
import { ChangeFeed } from '../../src/platform/database/change-feed.js';
import { ControlWriter } from '../../src/platform/database/control-writer.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { CredentialRenewals, type Renewal } from '../../src/state/credential/credential-renewals.js';
import { CredentialRetention } from '../../src/state/credential/credential-retention.js';
import type { CredentialRef, UserCredential } from '../../src/state/credential/user-credential.js';
import { UserCredentialSealer } from '../../src/state/credential/user-credential-sealer.js';
import { UserCredentials } from '../../src/state/credential/user-credentials.js';
import { UserCredentialsStore } from '../../src/state/credential/user-credentials.store.js';
import { ADMIN } from '../factory/make-principal.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { waitFor } from '../harness/wait-for.js';

interface Replica {
  readonly credentials: UserCredentials;
  readonly renewals: CredentialRenewals;
  readonly store: UserCredentialsStore;
  close(): Promise<void>;
}

const ref: CredentialRef = { userId: 'ada', serverId: 'files', kind: 'oauth' };
const text = (kept: UserCredential | undefined): string | undefined => kept?.secret.reveal();
const renewed = (secret: string): Renewal => ({ kind: 'renewed', secret: new Secret(secret), expiresAt: undefined });

let database: TestPostgres;
let open: Replica[] = [];

beforeEach(async () => {
  database = await testPostgres();
});

afterEach(async () => {
  for (const replica of open) await replica.close();
  open = [];
  await database.drop();
});

async function replica(): Promise<Replica> {
  const server = new DatabaseServer(new Secret(database.url.reveal()));
  const prisma = new PrismaService(server);
  const feed = new ChangeFeed(server, prisma);
  await feed.onModuleInit();
  const writer = new ControlWriter(prisma, feed);
  const store = new UserCredentialsStore(prisma, new UserCredentialSealer(new SealingSecret('salt of the test')));
  const credentials = new UserCredentials(store, writer, feed, DEFAULT_LIMITS);
  const made = {
    credentials,
    store,
    renewals: new CredentialRenewals(store, writer),
    close: async () => {
      credentials.onApplicationShutdown();
      await feed.close();
      await prisma.close();
    },
  };
  open.push(made);
  return made;
}

async function kept(at: Replica, secret = 'first'): Promise<UserCredential> {
  await at.credentials.save(ADMIN, ref, { secret: new Secret(secret), address: 'https://files.example' });
  const found = await at.credentials.get(ref);
  if (found === undefined) throw new Error('it was not kept');
  return found;
}

async function cutOff(): Promise<() => Promise<void>> {
  const admin = await testPostgres();
  const name = new URL(database.url.reveal()).pathname.slice(1);
  await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  return async () => {
    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
    await admin.drop();
  };
}

describe('what a user keeps', () => {
  it('is answered at once when it is known, also that there is nothing; a change elsewhere is heard of', async () => {
    const [here, there] = [await replica(), await replica()];
    expect(await here.credentials.get(ref)).toBeUndefined();
    expect(here.credentials.get(ref)).toBeUndefined();
    await kept(there);
    await waitFor(async () => text(await here.credentials.get(ref)) === 'first');
    expect(text(here.credentials.get(ref) as UserCredential)).toBe('first');
    await there.credentials.drop(ADMIN, ref);
    await waitFor(async () => (await here.credentials.get(ref)) === undefined);
  });

  it('does not open in another user’s row', async () => {
    const at = await replica();
    await kept(at);
    await at.credentials.save(ADMIN, { ...ref, userId: 'eve' }, { secret: new Secret('hers'), address: 'x' });
    await database.query(
      `UPDATE user_credential SET sealed = (SELECT sealed FROM user_credential WHERE user_id = 'ada') WHERE user_id = 'eve'`,
    );
    const stolen = await at.store.find({ ...ref, userId: 'eve' });
    expect([stolen?.status, text(stolen)]).toEqual(['needs_reauth', '']);
  });

  it('is good while the database is away, for who is known; others wait for it to be back', async () => {
    const at = await replica();
    await kept(at);
    const restore = await cutOff();
    expect(text(await at.credentials.get(ref))).toBe('first');
    await expect(at.credentials.get({ ...ref, userId: 'bob' })).rejects.toMatchObject({ code: 'database/unavailable' });
    await expect(kept(at, 'second')).rejects.toMatchObject({ code: 'database/unavailable' });
    await restore();
  });
});

describe('what is kept for a time', () => {
  it('is not there any more when that is over, and is deleted; the rest stays', async () => {
    const at = await replica();
    await kept(at);
    const brief = { ...ref, serverId: 'brief' };
    const draft = { secret: new Secret('brief'), address: 'x', keptUntil: Date.now() - 1 };
    await at.credentials.save(ADMIN, brief, draft);
    expect(await at.credentials.get(brief)).toBeUndefined();
    expect(await new CredentialRetention(at.store).sweep()).toBe(1);
    expect(await database.query('SELECT server_id FROM user_credential')).toEqual([{ server_id: 'files' }]);
  });
});

describe('a renewal', () => {
  it('is asked for once, however many need it at however many replicas, and all get what came of it', async () => {
    const replicas = [await replica(), await replica(), await replica()];
    const [first] = replicas;
    if (first === undefined) throw new Error('unreachable');
    const seen = await kept(first);
    let asked = 0;
    const all = replicas.flatMap(({ renewals }) =>
      [1, 2, 3].map(() =>
        renewals.renew(seen, async () => {
          asked += 1;
          await new Promise((resolve) => setImmediate(resolve));
          return renewed('second');
        }),
      ),
    );
    expect((await Promise.all(all)).map(text)).toEqual(all.map(() => 'second'));
    expect(asked).toBe(1);
  });

  it('that fails leaves what there was, and the next one may ask at once', async () => {
    const at = await replica();
    const seen = await kept(at);
    await expect(at.renewals.renew(seen, () => Promise.reject(new Error('the provider is away')))).rejects.toThrow(
      'away',
    );
    expect(text(await at.store.find(ref))).toBe('first');
    expect(text(await at.renewals.renew(seen, () => Promise.resolve(renewed('second'))))).toBe('second');
  });

  it('of a replica that died holds nobody up for longer than its lease', async () => {
    const at = await replica();
    const seen = await kept(at);
    expect(await at.store.claim(ref, seen.revision, 'a replica that died', 300)).toBe(true);
    expect(await at.store.claim(ref, seen.revision, 'another', 300)).toBe(false);
    expect(text(await at.renewals.renew(seen, () => Promise.resolve(renewed('second'))))).toBe('second');
  });

  it('brings nothing back that its user dropped or replaced meanwhile', async () => {
    const at = await replica();
    const dropped = await at.renewals.renew(await kept(at), async () => {
      await at.credentials.drop(ADMIN, ref);
      return renewed('second');
    });
    expect(dropped).toBeUndefined();
    const replaced = await at.renewals.renew(await kept(at), async () => {
      await kept(at, 'given anew');
      return renewed('second');
    });
    expect(text(replaced)).toBe('given anew');
  });

  it('that finds the grant dead marks it so, and empties it', async () => {
    const at = await replica();
    const seen = await kept(at);
    const after = await at.renewals.renew(seen, () => Promise.resolve({ kind: 'dead', reason: 'revoked' }));
    expect([after?.status, after?.reason, text(after)]).toEqual(['needs_reauth', 'revoked', '']);
    expect(text(await at.renewals.renew(seen, () => Promise.reject(new Error('never asked'))))).toBe('');
  });
});
