import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';

/** What is about to be called so. */
export interface NamedSet {
  readonly kind: 'toolset' | 'access_group';
  /** Undefined: it is being made. */
  readonly id?: string | undefined;
  readonly name: string;
}

/**
 * Scopes and grants name servers, groups and toolsets alike, so a name means one thing. Throws `set/name_taken`. A group may
 * be called like a tag that servers carry: both are that group.
 */
export async function refuseTakenName(
  { tx }: ControlUnit,
  snapshot: RegistrySnapshot,
  { kind, id, name }: NamedSet,
): Promise<void> {
  const key = name.toLowerCase();
  const isSame = (row: { readonly id: string; readonly name: string }): boolean =>
    row.name.toLowerCase() === key || row.id.toLowerCase() === key;
  // The database takes `_` in a name for any character: what it finds is compared once more.
  const where = { OR: [{ name: sameName(name) }, { id: sameName(name) }] };
  const select = { id: true, name: true } as const;

  const servers = await tx.mcpServer.findMany({
    where: { OR: [{ nameKey: key }, { aliasKey: key }, { id: sameName(name) }] },
    select: { ...select, aliasKey: true },
  });
  if (snapshot.byHandle.has(key) || servers.some((row) => isSame(row) || row.aliasKey === key)) {
    throw taken('Server', name);
  }
  const toolsets = (await tx.toolset.findMany({ where, select })).filter(isSame);
  if (toolsets.some((row) => kind !== 'toolset' || row.id !== id)) throw taken('Toolset', name);

  const groups = (await tx.accessGroup.findMany({ where, select })).filter(isSame);
  const isTag = kind === 'toolset' && [...snapshot.byGroup.keys()].some((tag) => tag.toLowerCase() === key);
  if (isTag || groups.some((row) => kind !== 'access_group' || row.id !== id)) throw taken('Access group', name);
}

function sameName(name: string) {
  return { equals: name, mode: 'insensitive' as const };
}

function taken(what: string, name: string): GatewayError {
  return new GatewayError('set/name_taken', { detail: `${what} '${name}' already exists` });
}
