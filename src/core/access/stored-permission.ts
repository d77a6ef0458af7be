import type { ObjectPermission } from '../model/permission.js';

/** The grant columns of a stored permission: JSON as the database gives it, null where it says nothing. */
export interface StoredGrants {
  readonly mcpServers: unknown;
  readonly mcpAccessGroups: unknown;
  readonly mcpToolsets: unknown;
  readonly mcpToolPermissions: unknown;
}

/**
 * What a row says. Null says nothing; anything that is not what we write allows nothing (fail closed). An empty mapping of
 * tools says nothing, as nobody could have meant a restriction by it.
 */
export function readStoredGrants(row: StoredGrants): ObjectPermission {
  const toolPermissions = readTools(row.mcpToolPermissions);
  return {
    ...(isSilent(row.mcpServers) ? {} : { servers: readList(row.mcpServers) }),
    ...(isSilent(row.mcpAccessGroups) ? {} : { accessGroups: readList(row.mcpAccessGroups) }),
    ...(isSilent(row.mcpToolsets) ? {} : { toolsets: readList(row.mcpToolsets) }),
    ...(toolPermissions === undefined ? {} : { toolPermissions }),
  };
}

function isSilent(value: unknown): boolean {
  return value === null || value === undefined;
}

function readList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function readTools(value: unknown): Readonly<Record<string, readonly string[]>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([server, tools]) => [server, readList(tools)]));
}
