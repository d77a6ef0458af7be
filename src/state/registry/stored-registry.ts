import type { DeclaredServer } from '../../core/definition/declared-server.js';

/** A row of `mcp_server`: read, or why it cannot be. */
export type StoredServer = { readonly id: string; readonly name: string } & (
  { readonly declared: DeclaredServer } | { readonly fault: string }
);

export interface StoredToolset {
  readonly id: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly tools: readonly { readonly serverId: string; readonly toolName: string }[];
}

export interface StoredGroup {
  readonly name: string;
  /** Ids, names or aliases. */
  readonly serverIds: readonly string[];
}

/** The part of the registry that is kept in the database. */
export interface StoredRegistry {
  /** In the order of their ids, so that every replica settles clashes alike. */
  readonly servers: readonly StoredServer[];
  readonly toolsets: readonly StoredToolset[];
  readonly groups: readonly StoredGroup[];
  /** Ids, names or aliases. */
  readonly publicServers: readonly string[];
}

export const NOTHING_STORED: StoredRegistry = Object.freeze({
  servers: [],
  toolsets: [],
  groups: [],
  publicServers: [],
});
