import type { Secret } from './secret.js';

/** Where an entry came from: a file-owned entry is read-only over REST. */
export type Origin = 'file' | 'db';

/** An upstream reached over HTTP. `auto` tries streamable HTTP and falls back to HTTP+SSE (contract §2). */
export interface HttpEndpoint {
  readonly kind: 'http';
  readonly transport: 'http' | 'sse' | 'auto';
  readonly url: string;
}

/** An upstream that is a child process of the gateway. */
export interface StdioEndpoint {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Values may be `${X-HEADER}` templates, filled from the client's headers. */
  readonly env: Readonly<Record<string, Secret>>;
  readonly cwd: string | undefined;
  /** `server`: one child for all callers with the same resolved environment. `session`: one child per client session. */
  readonly isolation: 'server' | 'session';
}

/** How the gateway introduces itself upstream. */
export type UpstreamAuth =
  | { readonly type: 'none' }
  | {
      readonly type: 'api_key' | 'bearer_token' | 'basic' | 'authorization' | 'token';
      /** Absent: only what the client offers for this server is sent. */
      readonly value: Secret | undefined;
    };

/** What the server's own definition allows, whoever calls (contract §9, last step). */
export interface ToolPolicy {
  /** When present only these; wins over {@link disallowed}. Upstream names. */
  readonly allowed: ReadonlySet<string> | undefined;
  readonly disallowed: ReadonlySet<string>;
  /** Per tool (upstream name): the only argument names accepted. No entry: any. */
  readonly allowedParams: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A registered MCP server, validated and compiled. Frozen. */
export interface ServerEntry {
  readonly id: string;
  /** Other ids that mean this server: those the incumbent derives (reference §1.3). */
  readonly alternateIds: readonly string[];
  readonly name: string;
  readonly alias: string | undefined;
  /** What stands before the separator in public names: alias, else name, else id. */
  readonly prefix: string;
  readonly origin: Origin;
  /** Changes whenever anything in the definition changes, secrets included. Not reversible. */
  readonly fingerprint: string;
  readonly endpoint: HttpEndpoint | StdioEndpoint;
  readonly auth: UpstreamAuth;
  /** Always sent, win over everything else. */
  readonly staticHeaders: readonly (readonly [name: string, value: Secret])[];
  /** Names of client headers copied to the upstream, spelled as configured. */
  readonly extraHeaders: readonly string[];
  readonly tools: ToolPolicy;
  readonly accessGroups: readonly string[];
  readonly allowAllKeys: boolean;
  readonly availableOnPublicInternet: boolean;
  readonly description: string | undefined;
  /** Replaces what the upstream says in `initialize`. */
  readonly instructions: string | undefined;
  /** Longest wait for a byte of one call, in milliseconds; absent: `limits.callIdleTimeoutMs`. */
  readonly timeoutMs: number | undefined;
  /** Free-form `mcp_info`, returned as it was written. */
  readonly info: Readonly<Record<string, unknown>>;
}
