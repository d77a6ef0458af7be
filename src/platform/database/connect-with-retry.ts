import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ConnectionOptions } from './connection-options.js';
import type { DatabaseLog } from './database-log.js';

const DELAY_MIN_MS = 250;
const DELAY_MAX_MS = 5_000;

/** Answers of Postgres that waiting does not change: wrong credentials, no such database, no right to connect. */
const FINAL_STATES = /^(28|3D|42501$)/;

/**
 * Opens a connection of its own, outside of any pool, trying again with growing pauses while the database is not there.
 * The caller ends it.
 *
 * @throws GatewayError `database/unavailable` when `timeoutMs` is over, or at once when trying again is of no use.
 */
export async function connectWithRetry(
  options: ConnectionOptions,
  log: DatabaseLog,
  timeoutMs: number,
): Promise<pg.Client> {
  const deadline = performance.now() + timeoutMs;
  for (let delayMs = DELAY_MIN_MS; ; delayMs = Math.min(delayMs * 2, DELAY_MAX_MS)) {
    const client = new pg.Client(options.client);
    // A connection that breaks later fails its queries; without a listener it would also end the process.
    client.on('error', (error) => log.debug(`A connection to the database broke: ${error.message}`));
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const reason = describe(error);
      const state = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
      if (FINAL_STATES.test(state)) {
        throw new GatewayError('database/unavailable', {
          cause: error,
          detail: `${options.address} refuses: ${reason}`,
        });
      }
      if (performance.now() + delayMs > deadline) {
        throw new GatewayError('database/unavailable', {
          cause: error,
          detail: `nothing answered at ${options.address} within ${Math.round(timeoutMs / 1_000)} s (${reason}): check DATABASE_URL and that Postgres runs, or unset it to use the embedded one`,
        });
      }
      log.warn(`Waiting for the database at ${options.address}: ${reason}; trying again in ${delayMs} ms`);
      await delay(delayMs);
    }
  }
}

/** `localhost` may fail on each of its addresses; then only the errors inside have words. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error instanceof Error ? error.message : String(error);
}
