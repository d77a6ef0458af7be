import { chmod, mkdir, realpath } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { Secret } from '../../core/model/secret.js';
import { clearLeftovers, OWNER_LOCK } from './clear-leftovers.js';
import {
  CLUSTER_USER,
  clusterExists,
  createCluster,
  readClusterPassword,
  removeDrafts,
  unusable,
} from './create-cluster.js';
import type { DatabaseLog } from './database-log.js';
import { choosePostgresAccount } from './postgres-account.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import { PortTakenError, startPostmaster, type Postmaster, type PostmasterOptions } from './postmaster.js';

export interface EmbeddedPostgresOptions {
  /** Absolute. The cluster lives in its sub-folder `postgres`; whoever copies that while it is stopped has everything. */
  readonly dataDir: string;
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly log: DatabaseLog;
  /** Further settings of the server (names of `postgresql.conf`). */
  readonly serverSettings?: Readonly<Record<string, string>>;
}

const FREE_PORT_TRIES_MAX = 5;
const RESTART_DELAY_MIN_MS = 100;
const RESTART_DELAY_MAX_MS = 10_000;

/**
 * A real PostgreSQL as a child process: loopback only, a random password, nothing shared with other installations.
 * While it lives it is supervised: when the server dies it is started again on the same port. When the gateway is
 * killed outright, a watchdog stops the server; where that fails too, the next start does.
 *
 * @throws GatewayError `database/unavailable` that says what to do: no programs for this platform, port taken, folder
 *   not usable, another gateway on the folder.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  const binaries = await findPostgresBinaries();
  const dataDir = await prepareDataDir(options.dataDir);
  const clusterDir = join(dataDir, 'postgres');
  const exists = await clusterExists(clusterDir);
  const account = await choosePostgresAccount(clusterDir, [binaries.postgres, dataDir], log);
  await removeDrafts(clusterDir);
  if (!exists) await createCluster(clusterDir, binaries, account);
  const password = await readClusterPassword(clusterDir);
  await clearLeftovers(clusterDir, password, log);
  const serverSettings = options.serverSettings ?? {};
  const postmaster = await startOnPort({ clusterDir, port: options.port, binaries, account, serverSettings, log });
  const server = new EmbeddedPostgres(
    postmaster,
    { clusterDir, port: postmaster.port, binaries, account, serverSettings, log },
    password,
  );
  try {
    await server.takeOwnership();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** A running server; see {@link startEmbeddedPostgres}. */
export class EmbeddedPostgres {
  /** Connects to the gateway's database; the same for as long as this lives. */
  readonly url: Secret;
  readonly #options: PostmasterOptions;
  readonly #password: Secret;
  #postmaster: Postmaster;
  #owner: pg.Client | undefined;
  #recovery: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(postmaster: Postmaster, options: PostmasterOptions, password: Secret) {
    this.#postmaster = postmaster;
    this.#options = options;
    this.#password = password;
    this.url = new Secret(
      `postgresql://${CLUSTER_USER}:${password.reveal()}@127.0.0.1:${postmaster.port}/${CLUSTER_USER}`,
    );
    this.#supervise();
  }

  /** Process id of the server; another one after it had to be started again. */
  get pid(): number {
    return this.#postmaster.pid;
  }

  get port(): number {
    return this.#postmaster.port;
  }

  /** Marks the server as ours for as long as this process lives, and makes the gateway's database if it is missing. */
  async takeOwnership(): Promise<void> {
    const client = new pg.Client({
      host: '127.0.0.1',
      ssl: false,
      port: this.port,
      user: CLUSTER_USER,
      password: this.#password.reveal(),
      database: 'postgres',
      application_name: 'gatehouse owner',
      connectionTimeoutMillis: 5_000,
    });
    // A broken connection also ends; that is where it is dealt with.
    client.on('error', () => undefined);
    try {
      await client.connect();
      const lock = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [OWNER_LOCK]);
      if (lock.rows[0]?.taken !== true) {
        throw new GatewayError('database/unavailable', {
          detail: `another gateway is starting on ${this.#options.clusterDir}`,
        });
      }
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [CLUSTER_USER]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${CLUSTER_USER}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      if (error instanceof GatewayError) throw error;
      throw new GatewayError('database/unavailable', {
        cause: error,
        detail: 'the embedded Postgres started but does not let its owner in',
      });
    }
    client.once('end', () => {
      if (this.#owner === client) this.#recover();
    });
    this.#owner = client;
  }

  /** Stops the server, rolling back what still runs; resolves when it has ended. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#recovery;
    await this.#owner?.end().catch(() => undefined);
    await this.#postmaster.stop(this.#options.binaries, this.#options.clusterDir);
  }

  #supervise(): void {
    void this.#postmaster.ended.then(() => this.#recover());
  }

  #recover(): void {
    if (this.#stopping !== undefined || this.#recovery !== undefined) return;
    this.#recovery = this.#startAgain().finally(() => {
      this.#recovery = undefined;
    });
  }

  /** Crash recovery is Postgres' own business; ours is to start it again on the address everybody knows. */
  async #startAgain(): Promise<void> {
    const { log } = this.#options;
    log.warn(`The embedded Postgres ended by itself (${this.#postmaster.lastWords()}); starting it again`);
    const former = this.#owner;
    this.#owner = undefined;
    await former?.end().catch(() => undefined);
    let delayMs = RESTART_DELAY_MIN_MS;
    while (this.#stopping === undefined) {
      try {
        if (this.#postmaster.hasEnded) {
          this.#postmaster = await startPostmaster(this.#options);
          this.#supervise();
        }
        await this.takeOwnership();
        log.warn('The embedded Postgres is back');
        return;
      } catch (error) {
        log.debug(`The embedded Postgres is not back yet: ${error instanceof Error ? error.message : String(error)}`);
        await delay(delayMs);
        delayMs = Math.min(delayMs * 2, RESTART_DELAY_MAX_MS);
      }
    }
  }
}

async function startOnPort(options: PostmasterOptions): Promise<Postmaster> {
  if (options.port !== 0) return startPostmaster(options);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startPostmaster({ ...options, port: await freePort() });
    } catch (error) {
      // Somebody took the port between our look and Postgres' bind.
      if (!(error instanceof PortTakenError) || attempt === FREE_PORT_TRIES_MAX) throw error;
    }
  }
}

/** A port that is free at this moment. */
async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The folder as an absolute path without links, made when missing. */
async function prepareDataDir(dataDir: string): Promise<string> {
  try {
    const isNew = (await mkdir(dataDir, { recursive: true })) !== undefined;
    // The account of the server must be able to pass through; what is inside is closed by itself.
    if (isNew && process.getuid?.() === 0) await chmod(dataDir, 0o711);
    return await realpath(dataDir);
  } catch (error) {
    throw unusable(dataDir, error);
  }
}
