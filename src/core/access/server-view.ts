import { createHash } from 'node:crypto';
import type { ServerView } from '../model/access-view.js';
import type { ServerEntry, ToolPolicy } from '../model/server-entry.js';

/** Of every tool that the server's own lists leave. */
const POLICY_ONLY = 'policy';

/** One visible server: what permissions and the request leave of it, and then its own lists (contract §9). */
export class GrantedServer implements ServerView {
  #fingerprint: string | undefined;

  /** @param tools what permissions and scope leave, by upstream name; undefined: every tool. */
  constructor(
    readonly entry: ServerEntry,
    private readonly tools: ReadonlySet<string> | undefined,
    readonly toolsOnly: boolean,
  ) {}

  get toolsFingerprint(): string {
    this.#fingerprint ??= this.tools === undefined ? POLICY_ONLY : digest(this.tools);
    return this.#fingerprint;
  }

  allowsTool(name: string): boolean {
    return (this.tools === undefined || this.tools.has(name)) && policyAllows(this.entry.tools, name);
  }
}

/** The server's own lists: the allow-list has priority when both are set. */
function policyAllows(policy: ToolPolicy, name: string): boolean {
  return policy.allowed === undefined ? !policy.disallowed.has(name) : policy.allowed.has(name);
}

function digest(tools: ReadonlySet<string>): string {
  return createHash('sha256')
    .update(JSON.stringify([...tools].sort()))
    .digest('base64url');
}
