import { Inject, Injectable } from '@nestjs/common';
import type { SealingSecret } from '../../core/model/sealing-secret.js';
import { SEALED_COLUMNS, type SealedColumn } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { SealedRowsStore, type RenewedRow, type SealedRow } from './sealed-rows.store.js';

/** Names in one report; there may be a million rows of a salt that nobody has any more. */
const NAMES_MAX = 100;
/** Rounds in which what replicas sealed under their former salt in the meantime is caught up with. */
const ROUNDS_MAX = 3;

/** What one column holds. */
export interface ColumnCount {
  /** `table.column`. */
  readonly name: string;
  readonly sealed: number;
  /** Sealed under another secret than the present one. */
  readonly outdated: number;
  /** Opens under no secret that is configured. */
  readonly unreadable: number;
}

export interface SealingCensus {
  readonly columns: readonly ColumnCount[];
  /** The first of the rows that do not open: `table key=value …`. */
  readonly unreadableRows: readonly string[];
}

export interface RotationOptions {
  /** Rows read and written at once. */
  readonly batch: number;
  /** Told after every batch that was written. */
  readonly onProgress: (column: string, renewed: number) => void;
}

/**
 * Seals everything that is stored anew under the present salt, while gateways run. Every value is opened before it is
 * sealed, so nothing is ever sealed twice (defect 33); every batch is complete in itself, so a run that broke off is simply
 * repeated; a row that changes meanwhile keeps what was written into it.
 */
@Injectable()
export class SaltRotation {
  constructor(
    private readonly rows: SealedRowsStore,
    @Inject(SEALING_SECRET) private readonly secret: SealingSecret,
  ) {}

  /** Looks at every sealed value and changes nothing. */
  async count(batch: number): Promise<SealingCensus> {
    const unreadableRows: string[] = [];
    const columns: ColumnCount[] = [];
    for (const column of Object.values(SEALED_COLUMNS)) {
      const sealer = new Sealer(this.secret, column.purpose);
      const count = { name: nameOf(column), sealed: 0, outdated: 0, unreadable: 0 };
      for await (const page of this.#pages(column, batch)) {
        for (const row of page) {
          count.sealed += 1;
          if (sealer.open(row.text, column.owner(row.key)) === undefined) {
            count.unreadable += 1;
            if (unreadableRows.length < NAMES_MAX) unreadableRows.push(describe(column, row));
          } else if (sealer.isOutdated(row.text)) count.outdated += 1;
        }
      }
      columns.push(count);
    }
    return { columns, unreadableRows };
  }

  /** Seals what is outdated anew; rows that do not open stay as they are. Answers how many were renewed. */
  async renew({ batch, onProgress }: RotationOptions): Promise<number> {
    let total = 0;
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      let renewed = 0;
      for (const column of Object.values(SEALED_COLUMNS)) {
        const sealer = new Sealer(this.secret, column.purpose);
        for await (const page of this.#pages(column, batch)) {
          const outdated = page.flatMap((row) => renew(sealer, column, row) ?? []);
          if (outdated.length === 0) continue;
          const written = await this.rows.replace(column, outdated);
          renewed += written;
          onProgress(nameOf(column), written);
        }
      }
      total += renewed;
      if (renewed === 0) break;
    }
    return total;
  }

  async *#pages(column: SealedColumn, size: number): AsyncGenerator<readonly SealedRow[]> {
    let last: SealedRow | undefined;
    for (;;) {
      const page = await this.rows.page(column, last?.key, size);
      if (page.length > 0) yield page;
      if (page.length < size) return;
      last = page.at(-1);
    }
  }
}

function renew(sealer: Sealer, column: SealedColumn, row: SealedRow): RenewedRow | undefined {
  if (!sealer.isOutdated(row.text)) return undefined;
  const owner = column.owner(row.key);
  const plain = sealer.open(row.text, owner);
  return plain === undefined ? undefined : { ...row, renewed: sealer.seal(plain, owner) };
}

function nameOf({ table, column }: SealedColumn): string {
  return `${table}.${column}`;
}

function describe({ table }: SealedColumn, { key }: SealedRow): string {
  const parts = Object.entries(key).map(([name, value]) => `${name}=${value}`);
  return `${table} ${parts.join(' ')}`;
}
