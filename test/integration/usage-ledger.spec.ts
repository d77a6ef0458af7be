import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { pino } from 'pino';
import type { CallRecord } from '../../src/core/model/call-record.js';
import type { Secret } from '../../src/core/model/secret.js';
import { DATABASE_SETTINGS, SECURITY_SETTINGS, USAGE_SETTINGS } from '../../src/platform/config/tokens.js';
import { SINGLE_WORKER, WORKER } from '../../src/platform/config/worker.js';
import { DatabaseModule } from '../../src/platform/database/database.module.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { TelemetryModule } from '../../src/platform/telemetry/telemetry.module.js';
import { LedgerRetention } from '../../src/state/usage/ledger-retention.js';
import { Ledger } from '../../src/state/usage/ledger.js';
import { UsageModule } from '../../src/state/usage/usage.module.js';
import { ADMIN, makePrincipal } from '../factory/make-principal.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { waitFor } from '../harness/wait-for.js';

const DAY_MS = 24 * 3_600_000;

function startUsage(url: Secret, retentionDays = 30): Promise<INestApplicationContext> {
  @Global()
  @Module({
    providers: [
      { provide: DATABASE_SETTINGS, useValue: { url, dataDir: '/nonexistent', embeddedPort: 0 } },
      { provide: SECURITY_SETTINGS, useValue: { masterKey: undefined, saltKey: undefined } },
      { provide: USAGE_SETTINGS, useValue: { retentionDays } },
      { provide: WORKER, useValue: SINGLE_WORKER },
    ],
    exports: [DATABASE_SETTINGS, SECURITY_SETTINGS, USAGE_SETTINGS, WORKER],
  })
  class SettingsModule {}

  @Module({
    imports: [SettingsModule, TelemetryModule.forRoot(pino({ level: 'silent' })), DatabaseModule, UsageModule],
  })
  class TestModule {}

  return NestFactory.createApplicationContext(TestModule, { logger: false, abortOnError: false });
}

function makeRecord(overrides: Partial<CallRecord> = {}): CallRecord {
  return {
    callId: 'call-1',
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    principal: ADMIN,
    method: 'tools/call',
    serverId: 'server-1',
    serverName: 'github',
    target: 'create_issue',
    outcome: 'ok',
    durationMs: 12.5,
    requestBytes: 100,
    resultBytes: 2_000,
    ...overrides,
  };
}

describe('the ledger', () => {
  let database: TestPostgres;
  let app: INestApplicationContext;
  let ledger: Ledger;

  beforeEach(async () => {
    database = await testPostgres();
    app = await startUsage(database.url);
    ledger = app.get(Ledger, { strict: false });
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const rows = (columns = '*'): Promise<Record<string, unknown>[]> =>
    database.query(`SELECT ${columns} FROM call_ledger ORDER BY id`);
  const count = async (): Promise<unknown> =>
    (await database.query('SELECT count(*)::int AS count FROM call_ledger'))[0]?.['count'];

  it('holds every call as it was recorded, in order, within a second or two', async () => {
    ledger.record(makeRecord());
    ledger.record(
      makeRecord({
        callId: 'call-2',
        method: 'tools/list',
        serverId: undefined,
        serverName: undefined,
        target: undefined,
      }),
    );
    const [first, second] = await waitFor(async () => {
      const found = await rows();
      return found.length === 2 && found;
    });
    expect(first).toMatchObject({
      call_id: 'call-1',
      started_at: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
      principal_id: 'master',
      method: 'tools/call',
      server_id: 'server-1',
      server_name: 'github',
      target: 'create_issue',
      outcome: 'ok',
      duration_ms: 12.5,
      request_bytes: 100,
      result_bytes: 2_000,
    });
    expect(first?.['replica']).toMatch(/\/0$/);
    expect(second).toMatchObject({ call_id: 'call-2', server_id: null, server_name: null, target: null });
    expect(ledger.written).toBe(2);
  });

  it('says whose call it was: key, user, team, organization, end user', async () => {
    const owners = { keyId: 'k', userId: 'u', teamId: 't\u001f', organizationId: 'o', endUserId: 'e' };
    ledger.record(makeRecord());
    ledger.record(makeRecord({ principal: makePrincipal({}, { id: 'key:k|end_user:e', ...owners }) }));
    await ledger.flush();
    const [first, second] = await rows('principal_id, key_id, user_id, team_id, organization_id, end_user_id');
    expect(first).toEqual({
      principal_id: 'master',
      key_id: null,
      user_id: null,
      team_id: null,
      organization_id: null,
      end_user_id: null,
    });
    expect(second).toEqual({
      principal_id: 'key:k|end_user:e',
      key_id: 'k',
      user_id: 'u',
      team_id: 't\ufffd',
      organization_id: 'o',
      end_user_id: 'e',
    });
  });

  it('holds what was recorded a moment before the gateway closed', async () => {
    for (let index = 0; index < 5_000; index++) ledger.record(makeRecord({ callId: `call-${index}` }));
    await app.close();
    expect(await count()).toBe(5_000);
    app = await startUsage(database.url);
  });

  it.each([
    ['NUL and control characters', 'a\u0000b\u001fc\u001ed\ne', 'a\ufffdb\ufffdc\ufffdd\ufffde'],
    ['quotes, braces, backslashes and commas', `'"{}\\,NULL;--`, `'"{}\\,NULL;--`],
    ['a lone surrogate', 'x\ud800y', 'x\ufffdy'],
    ['nothing', '', ''],
    ['characters of every plane', 'Größe 世界 🌍', 'Größe 世界 🌍'],
    ['more than a name should have', 'n'.repeat(100_000), 'n'.repeat(512)],
  ])('takes names with %s from clients and still writes the rows around them', async (_what, name, expected) => {
    ledger.record(makeRecord({ callId: 'bad', target: name, method: name }));
    await ledger.flush();
    ledger.record(makeRecord({ callId: 'before' }));
    ledger.record(makeRecord({ callId: 'bad', target: name, method: name }));
    ledger.record(makeRecord({ callId: 'after' }));
    await ledger.flush();
    const found = await rows('call_id, method, target');
    expect(found.map((row) => row['call_id'])).toEqual(['bad', 'before', 'bad', 'after']);
    expect(found[0]?.['method']).toBe(expected);
    expect(found[2]).toMatchObject({ method: expected, target: expected });
    expect(ledger.dropped).toBe(0);
  });

  it('takes numbers that are none', async () => {
    ledger.record(makeRecord({ durationMs: Number.NaN, requestBytes: -1, resultBytes: 2 ** 40 }));
    await ledger.flush();
    expect(await rows('duration_ms, request_bytes, result_bytes')).toEqual([
      { duration_ms: 0, request_bytes: 0, result_bytes: 2_147_483_647 },
    ]);
  });

  it('deletes rows older than the retention, whichever replicas do so at once, and keeps the others', async () => {
    const now = Date.now();
    for (let index = 0; index < 12_000; index++) ledger.record(makeRecord({ startedAt: now - 31 * DAY_MS }));
    for (let index = 0; index < 10; index++) ledger.record(makeRecord({ startedAt: now - 29 * DAY_MS }));
    await ledger.flush();
    const replica = await startUsage(database.url);
    const deleted = await Promise.all([app, replica].map((one) => one.get(LedgerRetention, { strict: false }).sweep()));
    expect(deleted.reduce((sum, count) => sum + count, 0)).toBe(12_000);
    expect(await count()).toBe(10);
    await replica.close();
  });

  it('keeps everything when the retention is 0', async () => {
    ledger.record(makeRecord({ startedAt: 0 }));
    await ledger.flush();
    const keeping = await startUsage(database.url, 0);
    expect(await keeping.get(LedgerRetention, { strict: false }).sweep()).toBe(0);
    await keeping.close();
    expect(await rows()).toHaveLength(1);
  });

  it('reads times as what they are on a server that lives in another time zone', async () => {
    const name = new URL(database.url.reveal()).pathname.slice(1);
    await database.query(`ALTER DATABASE ${name} SET timezone = 'America/New_York'`);
    const elsewhere = await startUsage(database.url);
    elsewhere.get(Ledger, { strict: false }).record(makeRecord());
    await elsewhere.get(Ledger, { strict: false }).flush();
    const entry = await elsewhere.get(PrismaService, { strict: false }).callLedgerEntry.findFirstOrThrow();
    expect(entry.startedAt.getTime()).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
    await elsewhere.close();
  });
});

describe('the ledger while the database is away', () => {
  it('loses nothing below its bound, counts what is above it, and catches up', async () => {
    const dataDir = join(await mkdtemp(join(tmpdir(), 'gatehouse-ledger-')), 'data');
    const log = { debug: () => undefined, warn: () => undefined };
    const server = await startEmbeddedPostgres({ dataDir, port: 0, log });
    const app = await startUsage(server.url);
    try {
      const ledger = app.get(Ledger, { strict: false });
      ledger.record(makeRecord());
      await ledger.flush();
      expect(ledger.written).toBe(1);

      await server.stop();
      for (let index = 0; index < 1_000; index++) ledger.record(makeRecord({ callId: `away-${index}` }));
      await ledger.flush();
      expect({ written: ledger.written, waiting: ledger.waiting, dropped: ledger.dropped }).toEqual({
        written: 1,
        waiting: 1_000,
        dropped: 0,
      });
      for (let index = 0; index < 49_500; index++) ledger.record(makeRecord({ callId: `more-${index}` }));
      expect({ waiting: ledger.waiting, dropped: ledger.dropped }).toEqual({ waiting: 50_000, dropped: 500 });

      const again = await startEmbeddedPostgres({ dataDir, port: server.port, log });
      try {
        await waitFor(() => ledger.waiting === 0, { what: 'the ledger to catch up by itself', timeoutMs: 20_000 });
        expect(ledger.written).toBe(50_001);
        const prisma = app.get(PrismaService, { strict: false });
        expect(await prisma.callLedgerEntry.count()).toBe(50_001);
      } finally {
        await app.close();
        await again.stop();
      }
    } finally {
      await rm(join(dataDir, '..'), { recursive: true, force: true });
    }
  });
});
