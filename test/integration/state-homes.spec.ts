import { randomUUID } from 'node:crypto';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { pino } from 'pino';
import { DATABASE_SETTINGS, SECURITY_SETTINGS } from '../../src/platform/config/tokens.js';
import { loneWorker, WORKER, type Worker } from '../../src/platform/config/worker.js';
import { DatabaseModule } from '../../src/platform/database/database.module.js';
import { TelemetryModule } from '../../src/platform/telemetry/telemetry.module.js';
import { ReplicaDirectory } from '../../src/state/replica/replica-directory.js';
import { ReplicaModule } from '../../src/state/replica/replica.module.js';
import { StateHomes } from '../../src/state/replica/state-homes.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { waitFor } from '../harness/wait-for.js';

const LATER = Date.now() + 3_600_000;
const GONE = loneWorker().place;

interface Replica {
  readonly app: INestApplicationContext;
  readonly worker: Worker;
  readonly homes: StateHomes;
  readonly directory: ReplicaDirectory;
}

let postgres: TestPostgres;
let replicas: Replica[];

async function startReplica(): Promise<Replica> {
  const worker = loneWorker();

  @Global()
  @Module({
    providers: [
      { provide: DATABASE_SETTINGS, useValue: { url: postgres.url, dataDir: '/nonexistent', embeddedPort: 0 } },
      { provide: SECURITY_SETTINGS, useValue: { masterKey: undefined, saltKey: undefined, otherSaltKeys: [] } },
      { provide: WORKER, useValue: worker },
    ],
    exports: [DATABASE_SETTINGS, SECURITY_SETTINGS, WORKER],
  })
  class SettingsModule {}

  @Module({
    imports: [SettingsModule, TelemetryModule.forRoot(pino({ level: 'silent' })), DatabaseModule, ReplicaModule],
  })
  class TestModule {}

  const app = await NestFactory.createApplicationContext(TestModule, { logger: false, abortOnError: false });
  return { app, worker, homes: app.get(StateHomes), directory: app.get(ReplicaDirectory) };
}

beforeAll(async () => {
  postgres = await testPostgres();
  replicas = [await startReplica(), await startReplica(), await startReplica()];
}, 60_000);

afterAll(async () => {
  for (const { app } of replicas) await app.close();
  await postgres.drop();
});

const placesOf = (homes: readonly { kind: string; place?: { tag: string } }[]): readonly unknown[] =>
  homes.map((home) => home.place?.tag ?? home.kind);

test('of several replicas that go on with a session at once, one wins, and all know which', async () => {
  for (let round = 0; round < 10; round += 1) {
    const id = randomUUID();
    const claims = await Promise.all(replicas.map(({ homes }) => homes.claim(id, [GONE], LATER)));
    const [winner, ...others] = new Set(placesOf(claims));
    expect(others).toEqual([]);
    expect(replicas.map(({ worker }) => worker.place.tag)).toContain(winner);
    expect(new Set(placesOf(await Promise.all(replicas.map(({ homes }) => homes.find(id)))))).toEqual(
      new Set([winner]),
    );
  }
});

test('it moves on from a place that is gone, to nobody else’s loss, and the place hears of it', async () => {
  const [first, second] = replicas;
  if (first === undefined || second === undefined) throw new Error('there are three');
  const id = randomUUID();
  const remains = 'what there was to say';
  await first.homes.keep(id, { isBound: false, remains, expiresAt: LATER });
  // A place that is gone, but is not where it is: nothing moves.
  expect(placesOf([await second.homes.claim(id, [GONE], LATER)])).toEqual([first.worker.place.tag]);
  let taken: ((id: string) => boolean) | undefined;
  first.homes.onTaken((isTaken) => (taken = isTaken));
  const claimed = await second.homes.claim(id, [GONE, first.worker.place], LATER);
  expect(claimed).toEqual({ kind: 'at', place: second.worker.place, remains });
  await waitFor(() => taken?.(id) === true, { timeoutMs: 15_000 });
  expect(taken?.('another')).toBe(false);
  const { rows } = { rows: await postgres.query('SELECT * FROM state_home') };
  expect(JSON.stringify(rows)).not.toContain(id);
  expect(JSON.stringify(rows)).not.toContain(remains);
}, 20_000);

test('what cannot be made again is lost with its place', async () => {
  const [first, second] = replicas;
  if (first === undefined || second === undefined) throw new Error('there are three');
  const id = randomUUID();
  await first.homes.keep(id, { isBound: true, remains: undefined, expiresAt: LATER });
  expect(placesOf([await second.homes.find(id)])).toEqual([first.worker.place.tag]);
  expect(await second.homes.claim(id, [first.worker.place], LATER)).toEqual({ kind: 'lost' });
  // It asks only about what it does not hold any more.
  expect(await first.homes.find(id)).toEqual({ kind: 'lost' });
  await first.homes.forget(id);
  expect(await second.homes.find(id)).toEqual({ kind: 'unwritten' });
});

test('what has no place in its id settles where it is asked for first, until that is gone', async () => {
  const id = randomUUID();
  const places = await Promise.all(replicas.map(({ homes }) => homes.settle(id)));
  expect(new Set(places.map(({ tag }) => tag)).size).toBe(1);
  const home = replicas.find(({ worker }) => worker.place.tag === places[0]?.tag);
  const other = replicas.find((replica) => replica !== home);
  if (home === undefined || other === undefined) throw new Error('one of them has it');
  expect((await other.homes.resettle(id, GONE)).tag).toBe(home.worker.place.tag);
  expect((await other.homes.resettle(id, home.worker.place)).tag).toBe(other.worker.place.tag);
});

test('replicas find each other, and forget who goes or falls silent', async () => {
  const [first, second, third] = replicas;
  if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
  const gone: string[] = [];
  first.directory.onGone((replica) => gone.push(replica));
  for (const [index, { directory }] of replicas.entries()) await directory.announce(`http://127.0.0.1:${index + 1}`);
  expect(await first.directory.addressOf(second.worker.place.replica)).toBe('http://127.0.0.1:2');
  expect(await first.directory.addressOf(third.worker.place.replica)).toBe('http://127.0.0.1:3');
  expect(await first.directory.addressOf(GONE.replica)).toBeUndefined();
  await third.app.close();
  replicas.pop();
  await postgres.query(
    `INSERT INTO replica (id, address, heartbeat_at) VALUES ('silent', 'x', now() - interval '31 s')`,
  );
  await waitFor(() => gone.includes(third.worker.place.replica), { timeoutMs: 15_000 });
  expect(await first.directory.addressOf('silent')).toBeUndefined();
  expect(gone).toEqual([third.worker.place.replica]);
}, 20_000);
