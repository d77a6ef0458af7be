import type { Principal } from '../../../core/model/principal.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';

/** Whose keys are meant. At least one is named. */
export type KeyOwner =
  | { readonly teamId: string; readonly userId?: string }
  | { readonly userId: string }
  | { readonly organizationId: string }
  | { readonly organizationId: string; readonly userId: string; readonly teamId: null };

/**
 * Deletes the keys of an owner that is going away; their rows stay for the audit. Answers how many there were.
 * Replicas hear of each of them.
 */
export async function deleteOwnedKeys(unit: ControlUnit, actor: Principal, owner: KeyOwner): Promise<number> {
  const where = { ...owner, deletedAt: null };
  const keys = await unit.tx.virtualKey.findMany({
    where,
    select: { id: true, tokenHash: true, keyName: true, alias: true },
  });
  if (keys.length === 0) return 0;
  await unit.tx.virtualKey.updateMany({
    where,
    data: { deletedAt: new Date(), deletedBy: actor.userId ?? actor.id },
  });
  for (const { id, tokenHash, keyName, alias } of keys) {
    unit.changed('key', id);
    unit.audit({
      action: 'deleted',
      objectKind: 'key',
      objectId: id,
      before: { token: tokenHash, key_name: keyName, key_alias: alias, ...owner },
    });
  }
  return keys.length;
}
