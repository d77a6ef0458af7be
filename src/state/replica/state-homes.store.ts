import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

/** What is written of a piece of state. */
export interface StateHomeRow {
  /** Tag of the place that holds it. */
  readonly place: string;
  /** Something of it is lost with the place. */
  readonly isBound: boolean;
  /** Sealed: what it takes to make the rest again elsewhere. */
  readonly remains: string | null;
}

const SWEEP_ROWS = 5_000;
const TAKEN_ROWS = 1_000;

/** The table of homes. Keys are hashes: nothing here opens a session. All throw GatewayError `database/unavailable`. */
@Injectable()
export class StateHomesStore {
  constructor(private readonly prisma: PrismaService) {}

  async find(key: string): Promise<StateHomeRow | undefined> {
    try {
      const row = await this.prisma.stateHome.findUnique({ where: { key } });
      return row === null ? undefined : { place: row.place, isBound: row.isBound, remains: row.remains };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /**
   * Makes `place` the home, if it has none or one of the dead. Answers what holds now: of several places that claim at
   * once one wins, and what is bound to a dead place stays there.
   */
  async claim(key: string, place: string, dead: readonly string[], expiresAt: Date): Promise<StateHomeRow> {
    try {
      await this.prisma.$executeRaw`
        INSERT INTO state_home (key, place, former, expires_at)
        VALUES (${key}, ${place}, ${dead.at(-1) ?? null}, ${expiresAt})
        ON CONFLICT (key) DO UPDATE SET place = excluded.place, former = state_home.place, expires_at = excluded.expires_at
        WHERE NOT state_home.is_bound AND state_home.place = ANY(${[...dead]})`;
    } catch (error) {
      throw translatePrismaError(error);
    }
    return (await this.find(key)) ?? { place, isBound: false, remains: null };
  }

  /** What is there now, at this place. */
  async keep(key: string, { place, isBound, remains }: StateHomeRow, expiresAt: Date): Promise<void> {
    try {
      await this.prisma.$executeRaw`
        INSERT INTO state_home (key, place, is_bound, remains, expires_at)
        VALUES (${key}, ${place}, ${isBound}, ${remains}, ${expiresAt})
        ON CONFLICT (key) DO UPDATE SET place = excluded.place, is_bound = excluded.is_bound,
          remains = excluded.remains, expires_at = excluded.expires_at`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Keys of what others took from this place since it asked last; there may be more. */
  async takenFrom(place: string): Promise<readonly string[]> {
    try {
      const rows = await this.prisma.$queryRaw<{ key: string }[]>`
        UPDATE state_home SET former = NULL WHERE key IN (
          SELECT key FROM state_home WHERE former = ${place} LIMIT ${TAKEN_ROWS}
        ) RETURNING key`;
      return rows.map(({ key }) => key);
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async forget(key: string): Promise<void> {
    try {
      await this.prisma.stateHome.deleteMany({ where: { key } });
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Deletes some of what has expired; answers how many rows. */
  async sweep(): Promise<number> {
    try {
      return await this.prisma.$executeRaw`
        DELETE FROM state_home WHERE key IN (
          SELECT key FROM state_home WHERE expires_at < now() ORDER BY expires_at LIMIT ${SWEEP_ROWS} FOR UPDATE SKIP LOCKED
        )`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
