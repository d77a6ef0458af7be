import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import type { LedgerRow } from './ledger-row.js';

/** Between the values of a column, and for a value that is absent. Neither occurs in a value: see `InternTable`. */
const SEPARATOR = '\u001f';
const ABSENT = '\u001e';

const INT4_MAX = 2_147_483_647;

const list = (parameter: number, type = ''): string => `string_to_array($${parameter}, E'\\x1f')${type}`;
const optionalList = (parameter: number): string => `string_to_array($${parameter}, E'\\x1f', E'\\x1e')`;

/** One row with an empty text is an empty list to Postgres, hence coalesce. */
const INSERT = `
  INSERT INTO call_ledger (
    started_at, call_id, principal_id, key_id, user_id, team_id, organization_id, end_user_id,
    method, server_id, server_name, target, outcome, duration_ms, request_bytes, result_bytes, replica
  )
  SELECT to_timestamp(started_ms / 1000), call_id, coalesce(principal_id, ''), key_id, user_id, team_id,
    organization_id, end_user_id, coalesce(method, ''), server_id, server_name, target, coalesce(outcome, ''),
    duration_us / 1000, request_bytes, result_bytes, $1
  FROM unnest(
    ${list(2, '::float8[]')}, ${list(3)}, ${list(4, '::int[]')}, ${list(5, '::float8[]')}, ${list(6, '::int[]')},
    ${list(7, '::int[]')}
  ) AS row (started_ms, call_id, kind, duration_us, request_bytes, result_bytes)
  JOIN unnest(
    ${list(8)}, ${optionalList(9)}, ${optionalList(10)}, ${optionalList(11)}, ${optionalList(12)}, ${optionalList(13)},
    ${list(14)}, ${optionalList(15)}, ${optionalList(16)}, ${optionalList(17)}, ${list(18)}
  ) WITH ORDINALITY AS kind (
    principal_id, key_id, user_id, team_id, organization_id, end_user_id, method, server_id, server_name, target,
    outcome, number
  ) ON kind.number = row.kind`;

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
    try {
      await this.#prisma.execute('gatehouse_ledger_insert', INSERT, [
        replica,
        ofRow((row) => finite(row.startedAt)),
        ofRow((row) => row.callId),
        kindOfRow.join(SEPARATOR),
        ofRow((row) => Math.round(finite(row.durationMs) * 1_000)),
        ofRow((row) => int4(row.requestBytes)),
        ofRow((row) => int4(row.resultBytes)),
        ofKind((row) => row.caller.principalId),
        ofKind((row) => row.caller.keyId),
        ofKind((row) => row.caller.userId),
        ofKind((row) => row.caller.teamId),
        ofKind((row) => row.caller.organizationId),
        ofKind((row) => row.caller.endUserId),
        ofKind((row) => row.method),
        ofKind((row) => row.serverId),
        ofKind((row) => row.serverName),
        ofKind((row) => row.target),
        ofKind((row) => row.outcome),
      ]);
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
