import type { Grants, ObjectPermission, PermissionLevel } from '../../core/model/permission.js';
import { NO_GRANTS } from '../../core/model/permission.js';
import { hashKey } from '../../platform/crypto/hash-key.js';
import type { PermissionRecord } from './principal.store.js';

/** Access groups an owner was put into by id, beside those its permission names. */
export interface OwnGroups {
  /** As written on the owner. Empty: it was put into none. */
  readonly ids: readonly string[];
  /** Names of those that there are. */
  readonly names: readonly string[];
}

/**
 * A stored permission in its three states (contract §9): NULL says nothing, empty allows nothing, a list allows exactly
 * that; an empty `mcp_tool_permissions` says nothing either. JSON of another shape allows nothing. Undefined when nothing
 * is said at all.
 */
export function readPermission(record: PermissionRecord | null, groups?: OwnGroups): ObjectPermission | undefined {
  const servers = readList(record?.servers);
  const named = readList(record?.groups);
  const accessGroups =
    groups === undefined || groups.ids.length === 0 ? named : [...new Set([...(named ?? []), ...groups.names])];
  const toolsets = readList(record?.toolsets);
  const tools: unknown = record?.tools;
  if (tools !== undefined && tools !== null && !isObject(tools)) return { servers: [] };
  const toolPermissions = readTools(tools);
  const permission: ObjectPermission = {
    ...(servers === undefined ? {} : { servers }),
    ...(accessGroups === undefined ? {} : { accessGroups }),
    ...(toolsets === undefined ? {} : { toolsets }),
    ...(toolPermissions === undefined ? {} : { toolPermissions }),
  };
  return Object.keys(permission).length === 0 ? undefined : permission;
}

/** The levels that say something, in their order, with the fingerprint equal levels share. */
export function makeGrants(
  said: readonly (readonly [level: PermissionLevel, permission: ObjectPermission | undefined])[],
): Grants {
  const levels = said.flatMap(([level, permission]) => (permission === undefined ? [] : [{ level, permission }]));
  if (levels.length === 0) return NO_GRANTS;
  return Object.freeze({ levels, fingerprint: hashKey(JSON.stringify(levels)) });
}

function readList(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string') ? value : [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readTools(value: object | null | undefined): Readonly<Record<string, readonly string[]>> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = Object.entries(value).map(([server, tools]) => [server, readList(tools) ?? []] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
