import { GatewayError } from '../../core/errors/gateway-error.js';
import { Prisma } from './generated/client.js';

/** Prisma's codes for a database that is not there, too busy to answer, or that hung up. */
const UNAVAILABLE_CODES: ReadonlySet<string> = new Set([
  'P1000',
  'P1001',
  'P1002',
  'P1003',
  'P1008',
  'P1010',
  'P1011',
  'P1017',
  'P2024',
  'P2028',
  'P2037',
]);

/** What Prisma's driver adapter calls the same in errors of raw queries. */
const UNAVAILABLE_KINDS: ReadonlySet<string> = new Set([
  'DatabaseNotReachable',
  'DatabaseDoesNotExist',
  'DatabaseAccessDenied',
  'ConnectionClosed',
  'TlsConnectionError',
  'AuthenticationFailed',
  'TooManyConnections',
  'SocketTimeout',
]);

/**
 * SQLSTATEs of the same: connection exception, insufficient resources, operator intervention, system error, and a
 * server that became a read-only standby.
 */
const UNAVAILABLE_STATES = /^(08|53|57P|58|25006)/;

const SOCKET_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** What pg says without a code, and Postgres under one that means many things (55000). */
const UNAVAILABLE_WORDS =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|not currently accepting connections/;

/**
 * The only place where the codes of Prisma, Postgres and sockets become ours: a database that cannot be reached is
 * `database/unavailable`, with the original as its cause. Anything else is returned as it came: it is a bug, or the
 * caller knows what it means.
 */
export function translatePrismaError(error: unknown): unknown {
  if (error instanceof GatewayError || !isUnavailable(error)) return error;
  return new GatewayError('database/unavailable', { cause: error });
}

/** An error as Prisma, its adapter, pg or a socket may make it; they wrap each other. */
interface WrappedError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly kind?: unknown;
  readonly originalCode?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly driverAdapterError?: unknown };
  readonly errors?: readonly unknown[];
}

const NESTING_MAX = 6;

function isUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > NESTING_MAX) return false;
  if (error instanceof Prisma.PrismaClientInitializationError) return true;
  const { code, message, kind, originalCode, cause, meta, errors } = error as WrappedError;
  if (typeof kind === 'string' && UNAVAILABLE_KINDS.has(kind)) return true;
  if (isUnavailableCode(code) || isUnavailableCode(originalCode)) return true;
  if (typeof message === 'string' && UNAVAILABLE_WORDS.test(message)) return true;
  return [cause, meta?.driverAdapterError, ...(errors ?? [])].some((inner) => isUnavailable(inner, depth + 1));
}

function isUnavailableCode(code: unknown): boolean {
  if (typeof code !== 'string') return false;
  return UNAVAILABLE_CODES.has(code) || SOCKET_CODES.has(code) || UNAVAILABLE_STATES.test(code);
}
