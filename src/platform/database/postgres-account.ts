import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { DatabaseLog } from './database-log.js';

const run = promisify(execFile);

/** The system account of the embedded Postgres when the gateway itself runs as root. */
const ACCOUNT = 'postgres';

/**
 * Keeps the right to pass through folders of others (a clone under /root) while running under another account.
 * `no_setuid_fixup` makes access(2), which initdb relies on, honour it too.
 */
const SETPRIV = [
  '--init-groups',
  '--securebits=+no_setuid_fixup',
  '--inh-caps=+dac_override',
  '--ambient-caps=+dac_override',
];

/** What Postgres gets of our environment: nothing, so neither our secrets nor stray PG variables reach it. */
const ENVIRONMENT =
  process.platform === 'win32' ? {} : { env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } };

/** How the programs of Postgres are started: it refuses to run as root. */
export interface PostgresAccount {
  /** The child leads a process group of its own, so that Ctrl-C in a terminal reaches the gateway only. */
  spawn(program: string, args: readonly string[], stdio: StdioOptions): ChildProcess;
  /** Makes a path of ours belong to the account. */
  give(path: string): Promise<void>;
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** The gateway's own account will do: it is not root. */
const OWN_ACCOUNT: PostgresAccount = {
  spawn: (program, args, stdio) => spawn(program, args, { stdio, detached: true, ...ENVIRONMENT }),
  give: () => Promise.resolve(),
};

/**
 * Decides under which account Postgres runs: the gateway's own unless that is root; else the owner of an existing
 * cluster, else `postgres`, which is created when missing.
 *
 * @param paths must be reachable for the account: the programs and the folder of the cluster.
 * @throws GatewayError `database/unavailable` that says what to do when there is no such account or it cannot reach a path.
 */
export async function choosePostgresAccount(
  clusterDir: string,
  paths: readonly string[],
  log: DatabaseLog,
): Promise<PostgresAccount> {
  const owner = await ownerOf(clusterDir);
  if (process.getuid?.() !== 0) {
    const self = process.getuid?.();
    if (owner !== undefined && self !== undefined && owner.uid !== self) {
      throw new GatewayError('database/unavailable', {
        detail: `${clusterDir} belongs to user id ${owner.uid}, but the gateway runs as ${self}: run it as that user, or hand the folder over with chown -R ${self} ${clusterDir}`,
      });
    }
    return OWN_ACCOUNT;
  }
  if (owner?.uid === 0) {
    throw new GatewayError('database/unavailable', {
      detail: `${clusterDir} belongs to root, and Postgres refuses to run as root: chown -R ${ACCOUNT} ${clusterDir}`,
    });
  }
  const ids = owner ?? (await accountIds()) ?? (await createAccount(log));
  const give = (path: string): Promise<void> => chown(path, ids.uid, ids.gid);

  const plain: PostgresAccount = {
    spawn: (program, args, stdio) => spawn(program, args, { stdio, detached: true, ...ENVIRONMENT, ...ids }),
    give,
  };
  if (await reaches(plain, paths)) return plain;

  const privileged: PostgresAccount = {
    spawn: (program, args, stdio) =>
      spawn('setpriv', [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, ...SETPRIV, program, ...args], {
        stdio,
        detached: true,
        ...ENVIRONMENT,
      }),
    give,
  };
  if (await reaches(privileged, paths)) return privileged;

  throw new GatewayError('database/unavailable', {
    detail:
      `the gateway runs as root, so its Postgres runs as user id ${ids.uid}, which cannot reach ${paths.join(' and ')}: ` +
      'open the folders above for passing through (chmod o+x), or run the gateway as another user, or set DATABASE_URL',
  });
}

/** Asks the system itself, as that account: modes, groups and access lists all count. */
async function reaches(account: PostgresAccount, paths: readonly string[]): Promise<boolean> {
  const script = 'for path; do test -x "$path" || exit 1; done';
  const probe = account.spawn('/bin/sh', ['-c', script, 'sh', ...paths], 'ignore');
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.once('exit', (code) => resolve(code === 0));
  });
}

async function ownerOf(path: string): Promise<Ids | undefined> {
  try {
    const { uid, gid } = await stat(path);
    return { uid, gid };
  } catch {
    // Not there yet, or not ours to see: creating it will tell.
    return undefined;
  }
}

async function accountIds(): Promise<Ids | undefined> {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, ACCOUNT])).stdout)),
    );
    return uid === undefined || gid === undefined ? undefined : { uid, gid };
  } catch {
    // No such account.
    return undefined;
  }
}

async function createAccount(log: DatabaseLog): Promise<Ids> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ACCOUNT]);
    const ids = await accountIds();
    if (ids === undefined) throw new Error(`useradd made no account ${ACCOUNT}`);
    log.warn(`Created the system account ${ACCOUNT}: Postgres refuses to run as root`);
    return ids;
  } catch (cause) {
    throw new GatewayError('database/unavailable', {
      cause,
      detail: `the embedded Postgres refuses to run as root and the account ${ACCOUNT} could not be created: run the gateway as another user, or set DATABASE_URL`,
    });
  }
}
