import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { CallControl } from './upstream.js';

/** A request of an upstream to its client: sampling, elicitation, roots. */
export interface ServerRequest {
  readonly entry: ServerEntry;
  readonly method: string;
  /** Raw text as it came; undefined: there are none. */
  readonly params: string | undefined;
  /** Sends the upstream a whole notification about this request, such as progress under the token it gave. */
  readonly notify: (text: string) => void;
}

/** What the client answered: the raw text of its result, or of its error object. */
export interface ClientReply {
  readonly kind: 'result' | 'error';
  readonly text: string;
}

/**
 * The client behind a call, or behind an upstream session, as upstreams may ask it. How it is asked (a request on an open
 * stream, or a parked call) is the era's business.
 */
export interface ClientInteraction {
  /** Same key, same client: questions of either may go to either. */
  readonly key: string;
  /** What it declared; it is never asked for anything else. */
  readonly capabilities: ClientCapabilities;
  /**
   * Asks, within bounds of its own. Always resolves, with an error where the client cannot be asked or does not answer.
   * `control` ends when the upstream withdrew the request or nobody waits for the answer any more.
   */
  ask(request: ServerRequest, control: CallControl): Promise<ClientReply>;
  /** It was not asked for something, since it had not declared that. `params` as in {@link ServerRequest}. */
  onUndeclared?(method: string, params: string | undefined): void;
}

/** An error reply of the gateway's own. */
export function errorReply(code: number, message: string): ClientReply {
  return { kind: 'error', text: JSON.stringify({ code, message }) };
}

/**
 * Declares what a client can do, and cannot be asked: for lists, which servers make up by what their client can do, while
 * no caller stands behind the session they are fetched on.
 */
export class DeclaredClient implements ClientInteraction {
  constructor(
    readonly key: string,
    readonly capabilities: ClientCapabilities,
  ) {}

  ask(): Promise<ClientReply> {
    return Promise.resolve(errorReply(-32603, 'No client can be asked on this session'));
  }
}
