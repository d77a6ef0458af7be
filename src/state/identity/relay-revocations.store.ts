import { Injectable } from '@nestjs/common';
import { GATEWAY_PRINCIPAL } from '../../core/model/gateway-principal.js';
import { ControlWriter } from '../../platform/database/control-writer.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

/** The rows of `relay_revocation`. All methods reject with `database/unavailable`. */
@Injectable()
export class RelayRevocationsStore {
  constructor(
    private readonly prisma: PrismaService,
    private readonly writer: ControlWriter,
  ) {}

  async isRevoked(grantId: string): Promise<boolean> {
    try {
      return (await this.prisma.relayRevocation.count({ where: { grantId } })) > 0;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Resolves when this replica refuses its tokens. */
  async revoke(grantId: string, expiresAt: Date): Promise<void> {
    await this.writer.write(GATEWAY_PRINCIPAL, async ({ tx, changed }) => {
      await tx.relayRevocation.createMany({ data: [{ grantId, expiresAt }], skipDuplicates: true });
      await tx.relayRevocation.deleteMany({ where: { expiresAt: { lt: new Date() } } });
      changed('relay_grant', grantId);
    });
  }
}
