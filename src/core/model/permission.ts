/**
 * What one owner's `object_permission` says about MCP servers (contract §9). Every field has three states: undefined says
 * nothing, empty allows nothing, a list allows exactly that.
 */
export interface ObjectPermission {
  /** Server ids, names or aliases. */
  readonly servers?: readonly string[];
  readonly accessGroups?: readonly string[];
  /** Toolset ids or names. */
  readonly toolsets?: readonly string[];
  /** Server (id, name or alias) to the upstream names of the only tools it grants there. */
  readonly toolPermissions?: Readonly<Record<string, readonly string[]>>;
}

/** Who says it. An end user narrows only. */
export type PermissionLevel = 'key' | 'team' | 'organization' | 'user' | 'end_user';

/** In a key's list: nothing (reference §3.7). */
export const NO_SERVERS = 'no-mcp-servers';
/** In a list: every server there is. */
export const ALL_SERVERS = 'all-proxy-mcpservers';
/** In a key's list: what its team has. */
export const ALL_TEAM_SERVERS = 'all-team-mcpservers';

/** The permissions that stand behind a caller. */
export interface Grants {
  /** Levels the caller has, in order key, team, organization, user, end user; one whose permission says nothing may be left out. */
  readonly levels: readonly { readonly level: PermissionLevel; readonly permission: ObjectPermission }[];
  /** Equal for equal levels: the memo key of views. */
  readonly fingerprint: string;
}

/** A caller behind whom nobody stands: only servers that are open to all keys. */
export const NO_GRANTS: Grants = Object.freeze({ levels: [], fingerprint: '' });
