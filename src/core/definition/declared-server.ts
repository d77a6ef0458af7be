import type { Origin } from '../model/server-entry.js';
import type { ServerDefinition } from './server.definition.js';

/** A server as its origin declares it: fields validated, name and alias settled, not yet compiled. */
export interface DeclaredServer {
  readonly origin: Origin;
  /** By the grammar of contract §4. */
  readonly name: string;
  /** The name before spaces became `_`; part of the id the incumbent derives. */
  readonly writtenName: string;
  /** Its own, or the first of `mcp_aliases` that names it. */
  readonly alias: string | undefined;
  readonly definition: ServerDefinition;
}

/** Everything the registry compiles, of one origin. */
export interface DeclaredRegistry {
  readonly servers: readonly DeclaredServer[];
  readonly separator: string;
  readonly prefixMode: 'always' | 'auto' | 'never';
  /** `public_mcp_servers`: ids, names or aliases. */
  readonly publicServers?: readonly string[];
}
