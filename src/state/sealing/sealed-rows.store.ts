import { Injectable } from '@nestjs/common';
import type { SealedColumn } from '../../platform/crypto/sealed-columns.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

/** A sealed value and whose it is. */
export interface SealedRow {
  /** Values of the key's columns, by name. */
  readonly key: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface RenewedRow extends SealedRow {
  /** What is to stand in place of {@link text}. */
  readonly renewed: string;
}

/** Sealed values of any table, in pages. All names in the statements come from the registry of sealed columns. */
@Injectable()
export class SealedRowsStore {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * The rows after this key, in the order of keys; fewer than `limit` are the last ones.
   *
   * @throws GatewayError `database/unavailable`.
   */
  async page(column: SealedColumn, after: SealedRow['key'] | undefined, limit: number): Promise<readonly SealedRow[]> {
    const names = Object.keys(column.key);
    const bounds = names.map((name, index) => `$${index + 2}::${column.key[name]}`);
    const sql =
      `SELECT ${names.map((name) => `"${name}"::text AS "${name}"`).join(', ')}, "${column.column}" AS text__ ` +
      `FROM "${column.table}" WHERE "${column.column}" IS NOT NULL ` +
      (after === undefined ? '' : `AND (${quoted(names)}) > (${bounds.join(', ')}) `) +
      `ORDER BY ${quoted(names)} LIMIT $1::int`;
    const values = after === undefined ? [] : names.map((name) => after[name]);
    try {
      const rows = await this.prisma.$queryRawUnsafe<Record<string, string>[]>(sql, limit, ...values);
      return rows.map(({ text__: text = '', ...key }) => ({ key, text }));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /**
   * Puts the renewed texts in their places, all in one statement; a row that somebody changed meanwhile keeps what they
   * wrote. Answers how many were renewed.
   *
   * @throws GatewayError `database/unavailable`.
   */
  async replace(column: SealedColumn, rows: readonly RenewedRow[]): Promise<number> {
    const names = Object.keys(column.key);
    const columns = [...names, 'former__', 'next__'];
    const arrays = columns.map((_, index) => `$${index + 1}::text[]`).join(', ');
    const same = names.map((name) => `t."${name}" = v."${name}"::${column.key[name]}`);
    const sql =
      `UPDATE "${column.table}" AS t SET "${column.column}" = v.next__ ` +
      `FROM unnest(${arrays}) AS v(${quoted(columns)}) ` +
      `WHERE ${[...same, `t."${column.column}" = v.former__`].join(' AND ')}`;
    const values = names.map((name) => rows.map(({ key }) => key[name] ?? ''));
    try {
      return await this.prisma.$executeRawUnsafe(
        sql,
        ...values,
        rows.map(({ text }) => text),
        rows.map(({ renewed }) => renewed),
      );
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
