import type { ControlUnit } from '../../platform/database/control-writer.js';
import { credentialSubject } from './user-credential.js';

/** What users keep for a server goes with it, in the write that deletes the server. */
export async function removeCredentialsOfServer({ tx, changed }: ControlUnit, serverId: string): Promise<void> {
  // What the gateway is registered as there is of no use to anybody either.
  await tx.upstreamOAuthClient.deleteMany({ where: { serverId } });
  const rows = await tx.userCredential.findMany({
    where: { serverId },
    select: { userId: true },
    distinct: ['userId'],
  });
  if (rows.length === 0) return;
  await tx.userCredential.deleteMany({ where: { serverId } });
  for (const { userId } of rows) changed('user_credential', credentialSubject({ userId, serverId }));
}
