import { pino } from 'pino';
import { Secret } from '../../src/core/model/secret.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { SharedUpstreamTokens } from '../../src/state/upstream-token/shared-upstream-tokens.js';
import { UpstreamTokensStore, type StoredUpstreamToken } from '../../src/state/upstream-token/upstream-tokens.store.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { waitFor } from '../harness/wait-for.js';

const REF = { fingerprint: 'definition-1', serverId: 'server-1' };
const CANARY = 'canary-access-token';

interface Replica {
  readonly store: UpstreamTokensStore;
  readonly shared: SharedUpstreamTokens;
  close(): Promise<void>;
}

/** Contract §11: tokens of the gateway are shared between replicas without a stampede. */
describe('tokens shared by replicas', () => {
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

  function replica(secret = 'salt'): Replica {
    const prisma = new PrismaService(new DatabaseServer(database.url));
    const store = new UpstreamTokensStore(prisma, new Secret(secret));
    const made = {
      store,
      shared: new SharedUpstreamTokens(store, pino({ level: 'silent' })),
      close: () => prisma.close(),
    };
    open.push(made);
    return made;
  }

  const token = (text = CANARY, lifeMs = 60_000): StoredUpstreamToken => ({
    accessToken: new Secret(text),
    expiresAt: Date.now() + lifeMs,
  });
  const soon = (): number => Date.now() + 5_000;

  it('one asks for all who need one at once', async () => {
    let asked = 0;
    const fetch = (): Promise<StoredUpstreamToken> => Promise.resolve(token(`${CANARY}-${(asked += 1)}`));
    const replicas = [replica(), replica(), replica()];
    // Connected, as replicas that run are.
    for (const { store } of replicas) await store.find(REF);
    const got = await Promise.all(replicas.map(({ shared }) => shared.get(REF, undefined, soon(), fetch)));
    expect(got.map(({ accessToken }) => accessToken.reveal())).toEqual(Array(3).fill(`${CANARY}-1`));
  });

  it('a refused one is replaced once; who comes later gets the replacement', async () => {
    let asked = 0;
    const fetch = (): Promise<StoredUpstreamToken> => Promise.resolve(token(`token-${(asked += 1)}`));
    const [left, right] = [replica(), replica()];
    const first = await left.shared.get(REF, undefined, soon(), fetch);
    await waitFor(async () => (await left.store.find(REF)) !== undefined);
    const again = await Promise.all(
      [left, right].map(({ shared }) => shared.get(REF, first.accessToken, soon(), fetch)),
    );
    expect(again.map(({ accessToken }) => accessToken.reveal())).toEqual(['token-2', 'token-2']);
  });

  it('a failure is told to who asked, and holds nobody up', async () => {
    const [left, right] = [replica(), replica()];
    const fails = (): Promise<StoredUpstreamToken> => Promise.reject(new Error('invalid_client'));
    await expect(left.shared.get(REF, undefined, soon(), fails)).rejects.toThrow('invalid_client');
    const startedAt = performance.now();
    await right.shared.get(REF, undefined, soon(), () => Promise.resolve(token()));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('the table tells nothing, and a token that does not open is got anew (defect 32)', async () => {
    const { shared, store } = replica();
    await shared.get(REF, undefined, soon(), () => Promise.resolve(token()));
    await waitFor(async () => (await store.find(REF)) !== undefined);
    const rows = await database.query('SELECT * FROM upstream_token');
    expect(JSON.stringify(rows)).not.toContain('canary');
    expect(rows).toHaveLength(1);
    const stranger = replica('another salt');
    const got = await stranger.shared.get(REF, undefined, soon(), () => Promise.resolve(token('anew')));
    expect(got.accessToken.reveal()).toBe('anew');
  });

  it('tokens of former definitions, and old ones, are deleted with the next', async () => {
    const { shared, store } = replica();
    await store.put(REF, token());
    await store.put({ fingerprint: 'other', serverId: 'server-2' }, token('old', -1));
    const changed = { ...REF, fingerprint: 'definition-2' };
    await shared.get(changed, undefined, soon(), () => Promise.resolve(token()));
    await waitFor(async () => {
      const rows = await database.query('SELECT fingerprint FROM upstream_token');
      return JSON.stringify(rows) === '[{"fingerprint":"definition-2"}]';
    });
  });
});
