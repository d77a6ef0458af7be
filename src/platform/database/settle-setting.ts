import type { PrismaService } from './prisma.service.js';
import { translatePrismaError } from './translate-prisma-error.js';

/**
 * The value stored under a key of `gateway_setting`: the candidate if nobody was first. Of replicas that start at once one
 * wins, and all of them go by what it stored.
 *
 * @throws GatewayError `database/unavailable`.
 */
export async function settleSetting(
  prisma: PrismaService,
  key: string,
  candidate: string,
): Promise<{ readonly value: string; readonly isNew: boolean }> {
  try {
    const stored = await prisma.gatewaySetting.findUnique({ where: { key } });
    if (stored !== null) return { value: stored.value, isNew: false };
    const { count } = await prisma.gatewaySetting.createMany({
      data: [{ key, value: candidate }],
      skipDuplicates: true,
    });
    const { value } = await prisma.gatewaySetting.findUniqueOrThrow({ where: { key } });
    return { value, isNew: count === 1 };
  } catch (error) {
    throw translatePrismaError(error);
  }
}
