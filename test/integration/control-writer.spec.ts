import { setImmediate as turn } from 'node:timers/promises';
import { Secret } from '../../src/core/model/secret.js';
import { ChangeFeed, type ChangeBatch } from '../../src/platform/database/change-feed.js';
import { ControlWriter } from '../../src/platform/database/control-writer.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { ADMIN } from '../factory/make-principal.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { waitFor } from '../harness/wait-for.js';

interface Replica {
  readonly writer: ControlWriter;
  readonly feed: ChangeFeed;
  readonly heard: string[];
  close(): Promise<void>;
}

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

async function replica(parameters = ''): Promise<Replica> {
  const server = new DatabaseServer(new Secret(database.url.reveal() + parameters));
  const prisma = new PrismaService(server);
  const feed = new ChangeFeed(server, prisma);
  await feed.onModuleInit();
  const heard: string[] = [];
  feed.subscribe((batch: ChangeBatch) => {
    if (batch === 'everything') heard.push(batch);
    else heard.push(...batch.map(({ kind, subjectId }) => `${kind}:${subjectId}`));
  });
  const made: Replica = {
    writer: new ControlWriter(prisma, feed),
    feed,
    heard,
    close: async () => {
      await feed.close();
      await prisma.close();
    },
  };
  open.push(made);
  return made;
}

describe('a write of the control plane', () => {
  it('is heard by the replica that wrote it before the writer goes on, and by the others', async () => {
    const [here, there] = [await replica(), await replica()];
    await here.writer.write(ADMIN, async ({ tx, changed, audit }) => {
      await tx.gatewaySetting.create({ data: { key: 'k', value: 'v' } });
      changed('setting', 'k');
      audit({ action: 'created', objectKind: 'setting', objectId: 'k', after: { value: 'v' } });
    });
    expect(here.heard).toEqual(['setting:k']);
    await waitFor(() => there.heard.length === 1);
    expect(await database.query('SELECT actor_id, action, object_id, before, after FROM audit_entry')).toEqual([
      { actor_id: 'master', action: 'created', object_id: 'k', before: null, after: { value: 'v' } },
    ]);
  });

  it('leaves nothing behind when it fails: no row, no change, no audit, no notice', async () => {
    const [here, there] = [await replica(), await replica()];
    const failing = here.writer.write(ADMIN, async ({ tx, changed, audit }) => {
      await tx.gatewaySetting.create({ data: { key: 'k', value: 'v' } });
      changed('setting', 'k');
      audit({ action: 'created', objectKind: 'setting', objectId: 'k' });
      throw new Error('second thoughts');
    });
    await expect(failing).rejects.toThrow('second thoughts');
    await there.feed.catchUp();
    expect(there.heard).toEqual([]);
    expect(await database.query('SELECT 1 FROM audit_entry UNION ALL SELECT 1 FROM gateway_setting')).toEqual([]);
  });

  it('reaches replicas that get no notices, by polling', async () => {
    const [here, deaf] = [await replica(), await replica('?pgbouncer=true')];
    expect(deaf.feed.status().listening).toBe(false);
    await here.writer.write(ADMIN, ({ changed }) => Promise.resolve(changed('key', 'a')));
    await waitFor(() => deaf.heard.includes('key:a'), { timeoutMs: 10_000 });
  });

  it('is told again to everybody when somebody could not apply it', async () => {
    const one = await replica();
    let failures = 1;
    one.feed.subscribe(() => {
      if (failures-- > 0) throw new Error('not now');
    });
    await one.writer.write(ADMIN, ({ changed }) => Promise.resolve(changed('team', 't')));
    await one.feed.catchUp();
    expect(one.heard).toEqual(['team:t', 'team:t']);
  });

  it('is seen in the order of commits, however many write at once', async () => {
    const [here, there, watcher] = [await replica(), await replica(), await replica()];
    await Promise.all(
      Array.from({ length: 40 }, (_unused, index) =>
        (index % 2 === 0 ? here : there).writer.write(ADMIN, async ({ changed }) => {
          changed('key', String(index));
          await turn();
        }),
      ),
    );
    await watcher.feed.catchUp();
    expect(new Set(watcher.heard).size).toBe(40);
    expect(watcher.heard).toHaveLength(40);
    const rows = await database.query('SELECT subject_id FROM control_change ORDER BY revision');
    expect(watcher.heard).toEqual(rows.map((row) => `key:${String(row['subject_id'])}`));
  });
});
