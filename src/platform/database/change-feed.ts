import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { CHANGE_CHANNEL, type ChangeKind, type ControlChange } from './control-change.js';
import { connectionOptions, quoteIdentifier } from './connection-options.js';
import { DatabaseServer } from './database-server.js';
import { PrismaService } from './prisma.service.js';
import { translatePrismaError } from './translate-prisma-error.js';

/** News as a listener gets it; `everything` when we were away for so long that the record of changes may be trimmed. */
export type ChangeBatch = readonly ControlChange[] | 'everything';

/** Must not mind hearing of a change twice. Rejecting means: tell me again, with what is new by then. */
export type ChangeListener = (batch: ChangeBatch) => void | Promise<void>;

/** For readiness and metrics. */
export interface ChangeFeedStatus {
  /** Everything up to here has been applied by all listeners. */
  readonly revision: bigint;
  /** Hints arrive; false: polling alone carries changes. */
  readonly listening: boolean;
  /** Milliseconds since the database last confirmed that nothing is missing. */
  readonly lagMs: number;
}

/** How long a change may go unnoticed when its hint is lost; well within the 10 s of contract §9. */
const POLL_MS = 3_000;
const RECONNECT_MIN_MS = 250;
const RECONNECT_MAX_MS = 5_000;
const BATCH_MAX = 1_000;
const KEPT_MS = 24 * 3_600_000;
const TRIM_EVERY_MS = 3_600_000;
/** Away for longer than this, changes may have been trimmed unseen. */
const AWAY_MAX_MS = KEPT_MS / 2;

interface ChangeRow {
  readonly revision: bigint;
  readonly kind: string;
  readonly subject_id: string;
}

/**
 * Tells this process what the control plane of any replica committed, in order. A dedicated connection LISTENs for hints;
 * polling finds what hints lose. Both only make us read the table of changes, so nothing depends on a notice arriving.
 */
@Injectable()
export class ChangeFeed implements OnModuleInit {
  readonly #log = new Logger('ChangeFeed');
  readonly #listeners = new Set<ChangeListener>();
  readonly #stop = new AbortController();
  #applied = 0n;
  #confirmedAt = performance.now();
  #trimmedAt = performance.now();
  #listening = false;
  #client: pg.Client | undefined;
  #loop: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #again: Promise<void> | undefined;

  constructor(
    private readonly server: DatabaseServer,
    private readonly prisma: PrismaService,
  ) {}

  /** Takes the mark before anybody loads their state, so nobody misses what happens in between. */
  async onModuleInit(): Promise<void> {
    this.#applied = await this.#lastRevision();
    this.#confirmedAt = performance.now();
    const poll = setInterval(() => void this.#drainQuietly(), POLL_MS).unref();
    this.#stop.signal.addEventListener('abort', () => clearInterval(poll));
    if (!connectionOptions(this.server.url).pooled) this.#loop = this.#listen();
  }

  /** Called by the database module when everything else has closed. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#listeners.clear();
    await this.#client?.end().catch(() => undefined);
    await this.#loop;
    await this.#running?.catch(() => undefined);
  }

  /** The listener hears every change from now on. The answer ends it. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Resolves when every change committed before this call has been applied here. Rejects when that failed. */
  async catchUp(): Promise<void> {
    // A run that began before this call may have read before the change was there.
    const before = this.#running;
    this.#again ??= (async () => {
      await before?.catch(() => undefined);
      this.#again = undefined;
      this.#running = this.#drain().finally(() => (this.#running = undefined));
      await this.#running;
    })();
    await this.#again;
  }

  status(): ChangeFeedStatus {
    return { revision: this.#applied, listening: this.#listening, lagMs: performance.now() - this.#confirmedAt };
  }

  async #drainQuietly(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      await this.catchUp();
    } catch (error) {
      this.#log.warn(
        `Changes could not be applied, trying again: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async #drain(): Promise<void> {
    if (performance.now() - this.#confirmedAt > AWAY_MAX_MS) {
      const revision = await this.#lastRevision();
      await this.#tell('everything');
      this.#applied = revision;
    }
    for (;;) {
      const rows = await this.#read();
      const last = rows.at(-1);
      if (last === undefined) break;
      await this.#tell(
        rows.map((row) => ({ revision: row.revision, kind: row.kind as ChangeKind, subjectId: row.subject_id })),
      );
      this.#applied = last.revision;
      if (rows.length < BATCH_MAX) break;
    }
    this.#confirmedAt = performance.now();
    if (this.#confirmedAt - this.#trimmedAt > TRIM_EVERY_MS) {
      this.#trimmedAt = this.#confirmedAt;
      await this.prisma.controlChange.deleteMany({ where: { at: { lt: new Date(Date.now() - KEPT_MS) } } });
    }
  }

  /** All listeners hear it, even if one of them fails; then all will hear it again. */
  async #tell(batch: ChangeBatch): Promise<void> {
    const results = await Promise.allSettled([...this.#listeners].map(async (listener) => listener(batch)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #read(): Promise<readonly ChangeRow[]> {
    try {
      return await this.prisma.$queryRaw<ChangeRow[]>`
        SELECT revision, kind, subject_id FROM control_change
        WHERE revision > ${this.#applied} ORDER BY revision LIMIT ${BATCH_MAX}`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async #lastRevision(): Promise<bigint> {
    try {
      const { _max } = await this.prisma.controlChange.aggregate({ _max: { revision: true } });
      return _max.revision ?? 0n;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Keeps one connection that LISTENs, for as long as we run. */
  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    for (let pause = RECONNECT_MIN_MS; !signal.aborted; pause = Math.min(pause * 2, RECONNECT_MAX_MS)) {
      if (await this.#listenOnce()) pause = RECONNECT_MIN_MS;
      await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Answers when the connection has ended: whether it ever listened. */
  async #listenOnce(): Promise<boolean> {
    const client = new pg.Client(connectionOptions(this.server.url).client);
    this.#client = client;
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.on('error', (error) => this.#log.debug(`The connection for notices broke: ${error.message}`));
    client.on('notification', () => void this.#drainQuietly());
    try {
      // A client that is ended while it connects never settles its `connect()`.
      await Promise.race([client.connect(), ended]);
      if (this.#stop.signal.aborted) return false;
      await client.query(`LISTEN ${quoteIdentifier(CHANGE_CHANNEL)}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      this.#log.debug(`Notices cannot be had: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
    this.#listening = true;
    // What was committed while nobody listened.
    await this.#drainQuietly();
    await ended;
    this.#listening = false;
    return true;
  }
}
