import type { Principal } from './principal.js';

/** What is written down about one call (`state/usage`). Holds no arguments, results or secrets. */
export interface CallRecord {
  readonly callId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Who called: their key, user, team, organization and end user are written down with it. */
  readonly principal: Principal;
  readonly method: string;
  /** The server asked; undefined for aggregate lists. */
  readonly serverId: string | undefined;
  readonly serverName: string | undefined;
  /** Upstream tool, prompt or resource name. */
  readonly target: string | undefined;
  /** `ok`, `tool_error` (a result with isError), `rpc_error` (the upstream's own error), or a code of the catalogue. */
  readonly outcome: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly resultBytes: number;
}
