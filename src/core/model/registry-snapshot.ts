import type { ServerEntry } from './server-entry.js';

/** An entry that was set aside instead of taking the others down. */
export interface RejectedEntry {
  readonly name: string;
  readonly origin: ServerEntry['origin'];
  readonly reason: string;
}

/** How names look in aggregate scopes (contract §4, `mcp_tool_prefix`). */
export type PrefixMode = 'always' | 'auto' | 'never';

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
  readonly separator: string;
  readonly prefixMode: PrefixMode;
  readonly rejected: readonly RejectedEntry[];
}
