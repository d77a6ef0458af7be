import type { IncomingHttpHeaders } from 'node:http';
import type { ResolvedCredential } from '../upstream.js';
import type { CredentialHeaders, CredentialSource } from './credential-source.js';

const CHALLENGE_CHARS_MAX = 2_048;

/** The credential a connection uses for what belongs to no call: its notification stream, its end. */
export class ConnectionCredential {
  readonly #source: CredentialSource | undefined;
  /** Headers of whoever used the connection last. */
  last: CredentialHeaders;

  constructor({ headers, source }: ResolvedCredential) {
    this.last = headers;
    this.#source = source;
  }

  /** With what the source says now; at once when there is none or it is warm. */
  fresh(): CredentialHeaders | Promise<CredentialHeaders> {
    const said = this.#source?.headers();
    if (said === undefined) return this.last;
    if (said instanceof Promise) return said.then((headers) => this.#layOver(headers));
    return this.#layOver(said);
  }

  /** A stream was refused with what was sent last: the next try should bring something else. */
  refused(status: number, headers: IncomingHttpHeaders): void {
    if (this.#source === undefined) return;
    if (status !== 401 && (status !== 403 || this.#source.sign === undefined)) return;
    const wwwAuthenticate = headers['www-authenticate']?.slice(0, CHALLENGE_CHARS_MAX);
    this.#source.refused(this.last, { status, wwwAuthenticate }).catch(() => {
      // The next try says so again, and calls tell whoever waits.
    });
  }

  #layOver(headers: CredentialHeaders): CredentialHeaders {
    this.last = { ...this.last, ...headers };
    return this.last;
  }
}
