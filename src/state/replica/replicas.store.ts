import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

/** More than one installation ever has: what is beyond is a table gone wrong. */
const REPLICAS_MAX = 1_000;

/** A replica that gave a sign of life lately. */
export interface ReplicaRow {
  readonly id: string;
  readonly address: string;
}

/** The table of replicas. Times are the database's, so that clocks of replicas do not matter. */
@Injectable()
export class ReplicasStore {
  constructor(private readonly prisma: PrismaService) {}

  /** A sign of life. @throws GatewayError `database/unavailable`. */
  async announce(id: string, address: string): Promise<void> {
    try {
      await this.prisma.$executeRaw`
        INSERT INTO replica (id, address) VALUES (${id}, ${address})
        ON CONFLICT (id) DO UPDATE SET address = excluded.address, heartbeat_at = now()`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** It is going. @throws GatewayError `database/unavailable`. */
  async withdraw(id: string): Promise<void> {
    try {
      await this.prisma.$executeRaw`DELETE FROM replica WHERE id = ${id}`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Deletes those that were silent for so long; answers the others. @throws GatewayError `database/unavailable`. */
  async living(silentMs: number): Promise<readonly ReplicaRow[]> {
    try {
      await this.prisma.$executeRaw`
        DELETE FROM replica WHERE heartbeat_at < now() - make_interval(secs => ${silentMs / 1_000})`;
      return await this.prisma.$queryRaw<ReplicaRow[]>`
        SELECT id, address FROM replica ORDER BY started_at DESC LIMIT ${REPLICAS_MAX}`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
