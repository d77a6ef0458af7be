import type { ClientConfig } from 'pg';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Secret } from '../../core/model/secret.js';

export interface ConnectionOptions {
  /** For `pg.Client` and `pg.Pool`. Holds the password. */
  readonly client: ClientConfig;
  /** Postgres schema of our tables; undefined: whatever the user's search path says, normally `public`. */
  readonly schema: string | undefined;
  /** Connections in the pool of one process, when the URL says so. */
  readonly poolMax: number | undefined;
  /** Connections change hands between transactions (`pgbouncer=true`): no LISTEN, no session state. */
  readonly pooled: boolean;
  /** `host:port/database`: fit for messages. */
  readonly address: string;
}

/** Parameters of Prisma's own URL dialect that Postgres itself would not know. */
const PRISMA_PARAMETERS = ['schema', 'connection_limit', 'pool_timeout', 'pgbouncer', 'socket_timeout', 'sslaccept'];

/**
 * Reads a database URL in Prisma's dialect, as people carry it over from other programs: `schema` and
 * `connection_limit` are honoured, `sslmode` means what it means to libpq, the rest goes to `pg` as it is.
 *
 * @throws GatewayError `config/invalid` without the URL in it, for it holds a password.
 */
export function connectionOptions(url: Secret): ConnectionOptions {
  const parsed = URL.parse(url.reveal());
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new GatewayError('config/invalid', {
      detail: 'DATABASE_URL is not a URL of the form postgresql://user:password@host:5432/database',
    });
  }
  const parameters = parsed.searchParams;
  const schema = parameters.get('schema') ?? undefined;
  const pooled = parameters.get('pgbouncer') === 'true';
  const poolMax = Number(parameters.get('connection_limit') ?? 0);
  for (const name of PRISMA_PARAMETERS) parameters.delete(name);
  if (parameters.has('sslmode') && !parameters.has('uselibpqcompat')) parameters.set('uselibpqcompat', 'true');
  return {
    client: {
      connectionString: parsed.href,
      application_name: 'gatehouse',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      ...(schema === undefined || schema === 'public' ? {} : { options: `-c search_path=${quoteIdentifier(schema)}` }),
    },
    schema,
    pooled,
    poolMax: Number.isInteger(poolMax) && poolMax > 0 ? poolMax : undefined,
    address: `${parsed.hostname}:${parsed.port || 5432}${parsed.pathname}`,
  };
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
