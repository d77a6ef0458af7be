import type { ServerEntry } from './server-entry.js';

/** An entry that was set aside instead of taking the others down. */
export interface RejectedEntry {
  /** Of the row, when it came by REST. */
  readonly id?: string;
  readonly name: string;
  readonly origin: ServerEntry['origin'];
  readonly reason: string;
}

/** How names look in aggregate scopes (contract §4, `mcp_tool_prefix`). */
export type PrefixMode = 'always' | 'auto' | 'never';

/** A named set of (server, tool). */
export interface ToolsetEntry {
  readonly id: string;
  readonly name: string;
  readonly description: string | undefined;
  /** Server id to upstream tool names. Servers that are not (any longer) there are left out. */
  readonly tools: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Switches of the installation that change what permissions mean (reference §1.5). */
export interface AccessRules {
  /** A key without MCP permissions of its own gets nothing instead of what its team has. */
  readonly requireKeyAccess: boolean;
  /** An end user without MCP permissions gets nothing. */
  readonly requireEndUserAccess: boolean;
}

/** Everything the data plane knows about servers: immutable, swapped as a whole. */
export interface RegistrySnapshot {
  /** Grows by one with every swap in this process. */
  readonly version: number;
  /** In order of prefix. */
  readonly servers: readonly ServerEntry[];
  readonly byId: ReadonlyMap<string, ServerEntry>;
  /** Id, alternate ids, name and alias, lower-cased, to the server. */
  readonly byHandle: ReadonlyMap<string, ServerEntry>;
  /** Access group name to its servers, in order of prefix. */
  readonly byGroup: ReadonlyMap<string, readonly ServerEntry[]>;
  /** Toolset id, and name in lower case, to the toolset. */
  readonly byToolset: ReadonlyMap<string, ToolsetEntry>;
  /** Ids of servers on the public list (`public_mcp_servers`): shown on the hub, and to callers from outside. */
  readonly publicServers: ReadonlySet<string>;
  readonly accessRules: AccessRules;
  readonly separator: string;
  readonly prefixMode: PrefixMode;
  readonly rejected: readonly RejectedEntry[];
}
