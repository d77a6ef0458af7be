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

/** SQLSTATE classes of the same: connection exception, insufficient resources, operator intervention, system error. */
const UNAVAILABLE_STATES = /^(08|53|57P|58)/;

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

/**
 * The only place where the codes of Prisma, Postgres and sockets become ours: a database that cannot be reached is
 * `database/unavailable`, with the original as its cause. Anything else is returned as it came: it is a bug, or the
 * caller knows what it means.
 */
export function translatePrismaError(error: unknown): unknown {
  if (error instanceof GatewayError || !isUnavailable(error)) return error;
  return new GatewayError('database/unavailable', { cause: error });
}

function isUnavailable(error: unknown): boolean {
  for (
    let current: unknown = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth++
  ) {
    if (current instanceof Prisma.PrismaClientInitializationError) return true;
    if (current instanceof AggregateError && current.errors.some(isUnavailable)) return true;
    const { code } = current as { code?: unknown };
    if (
      typeof code === 'string' &&
      (UNAVAILABLE_CODES.has(code) || SOCKET_CODES.has(code) || UNAVAILABLE_STATES.test(code))
    )
      return true;
    // What pg says without a code.
    if (/^(Connection terminated|Query read timeout|timeout exceeded when trying to connect)/.test(current.message))
      return true;
  }
  return false;
}
