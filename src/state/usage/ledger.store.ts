import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import type { LedgerRow } from './ledger-row.js';

/** Between the values of a column, and for a value that is absent. Neither occurs in a value: see `InternTable`. */
const SEPARATOR = '\u001f';
const ABSENT = '\u001e';

const INT4_MAX = 2_147_483_647;

/** The ledger's table. */
@Injectable()
export class LedgerStore {
  readonly #prisma: PrismaService;

  constructor(prisma: PrismaService) {
    this.#prisma = prisma;
  }

  /**
   * Writes rows in one statement. Every column travels as one joined text that Postgres takes apart: rows as JSON cost
   * the gateway three times as much CPU, arrays as parameters five times. What rows have in common, namely everything but
   * times, sizes and ids, travels once. Texts must not hold control characters.
   *
   * @throws GatewayError `database/unavailable`, then nothing was written as far as we know; anything else is a bug.
   */
  async insert(rows: readonly LedgerRow[], replica: string): Promise<void> {
    const { kinds, kindOfRow } = kindsOf(rows);
    const ofRow = (value: (row: LedgerRow) => string | number): string => rows.map(value).join(SEPARATOR);
    const ofKind = (value: (row: LedgerRow) => string | undefined): string =>
      kinds.map((row) => value(row) ?? ABSENT).join(SEPARATOR);
    // One row with an empty text is an empty list to Postgres, hence coalesce.
    try {
      await this.#prisma.$executeRaw`
        INSERT INTO call_ledger (
          started_at, call_id, principal_id, key_id, user_id, team_id, organization_id, end_user_id,
          method, server_id, server_name, target, outcome, duration_ms, request_bytes, result_bytes, replica
        )
        SELECT to_timestamp(started_ms / 1000), call_id, coalesce(principal_id, ''), key_id, user_id, team_id,
          organization_id, end_user_id, coalesce(method, ''), server_id, server_name, target, coalesce(outcome, ''),
          duration_us / 1000, request_bytes, result_bytes, ${replica}
        FROM unnest(
          string_to_array(${ofRow((row) => finite(row.startedAt))}, ${SEPARATOR})::float8[],
          string_to_array(${ofRow((row) => row.callId)}, ${SEPARATOR}),
          string_to_array(${kindOfRow.join(SEPARATOR)}, ${SEPARATOR})::int[],
          string_to_array(${ofRow((row) => Math.round(finite(row.durationMs) * 1_000))}, ${SEPARATOR})::float8[],
          string_to_array(${ofRow((row) => int4(row.requestBytes))}, ${SEPARATOR})::int[],
          string_to_array(${ofRow((row) => int4(row.resultBytes))}, ${SEPARATOR})::int[]
        ) AS row (started_ms, call_id, kind, duration_us, request_bytes, result_bytes)
        JOIN unnest(
          string_to_array(${ofKind((row) => row.caller.principalId)}, ${SEPARATOR}),
          string_to_array(${ofKind((row) => row.caller.keyId)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.caller.userId)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.caller.teamId)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.caller.organizationId)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.caller.endUserId)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.method)}, ${SEPARATOR}),
          string_to_array(${ofKind((row) => row.serverId)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.serverName)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.target)}, ${SEPARATOR}, ${ABSENT}),
          string_to_array(${ofKind((row) => row.outcome)}, ${SEPARATOR})
        ) WITH ORDINALITY AS kind (
          principal_id, key_id, user_id, team_id, organization_id, end_user_id, method, server_id, server_name, target,
          outcome, number
        ) ON kind.number = row.kind`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /**
   * Deletes up to `limit` of the oldest rows from before a moment, and answers how many. Replicas that do so at once
   * take different rows.
   */
  async deleteBefore(moment: Date, limit: number): Promise<number> {
    try {
      return await this.#prisma.$executeRaw`
        DELETE FROM call_ledger WHERE id IN (
          SELECT id FROM call_ledger WHERE started_at < ${moment} ORDER BY started_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** See `PrismaService.beforeClose`. */
  beforeClose(task: () => Promise<void>): void {
    this.#prisma.beforeClose(task);
  }
}

/** The rows' different callers, methods, targets and outcomes, one row standing for each, and which is whose (from 1). */
function kindsOf(rows: readonly LedgerRow[]): { kinds: readonly LedgerRow[]; kindOfRow: readonly number[] } {
  const kinds: LedgerRow[] = [];
  const numbers = new Map<LedgerRow['caller'], Map<string, number>>();
  const kindOfRow = rows.map((row) => {
    let known = numbers.get(row.caller);
    if (known === undefined) {
      known = new Map();
      numbers.set(row.caller, known);
    }
    const { method, serverId = ABSENT, serverName = ABSENT, target = ABSENT, outcome } = row;
    const key = method + SEPARATOR + serverId + SEPARATOR + serverName + SEPARATOR + target + SEPARATOR + outcome;
    const number = known.get(key) ?? kinds.push(row);
    known.set(key, number);
    return number;
  });
  return { kinds, kindOfRow };
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function int4(value: number): number {
  return Math.min(Math.max(Math.trunc(finite(value)), 0), INT4_MAX);
}
