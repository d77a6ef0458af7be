import type { ServerEntry } from './server-entry.js';

/** One visible server and which of its tools the caller may see and call. */
export interface ServerView {
  readonly entry: ServerEntry;
  /** Same value, same answer of {@link allowsTool}: the key of memoised lists. */
  readonly toolsFingerprint: string;
  /** Granted, or asked for, through toolsets alone: its prompts and resources are not to be seen. */
  readonly toolsOnly: boolean;
  /** Takes the upstream's own tool name. Listing and calling both ask here. */
  allowsTool(upstreamName: string): boolean;
}

/** What one request may see: permission ∩ requested scope ∩ the servers' own filters. Frozen. */
export interface AccessView {
  /** In order of prefix. */
  readonly servers: readonly ServerView[];
  readonly byServerId: ReadonlyMap<string, ServerView>;
  /**
   * The same view of prompts, resources and templates: without servers that are {@link ServerView.toolsOnly}. The view
   * itself when there are none.
   */
  readonly content: AccessView;
  /** Prefix to server, visible ones only. */
  readonly byPrefix: ReadonlyMap<string, ServerView>;
  /** `prefixed` in aggregate scopes, `bare` in one-server scopes (contract §4). */
  readonly naming: 'prefixed' | 'bare';
  readonly separator: string;
  /** Some visible server takes headers from the client (`extra_headers`, `${X-…}` environment). */
  readonly wantsClientHeaders: boolean;
  /** The credential of some visible server depends on who calls (`ClientOffer.caller`). */
  readonly wantsCaller: boolean;
  /** Same value, same view: a cache key within one registry snapshot. */
  readonly fingerprint: string;
}
