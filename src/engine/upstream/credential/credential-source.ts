import type { ClientOffer } from '../../../core/model/client-offer.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { RequestSigner } from '../../../platform/http/http-exchange.js';

export type CredentialHeaders = Readonly<Record<string, string>>;

/** What a server said when it refused a request: 401, or 403 with `insufficient_scope`. */
export interface CredentialRefusal {
  readonly status: number;
  /** At most 2 KiB. */
  readonly wwwAuthenticate: string | undefined;
}

/** What a credential lacks that is not written in the definition of its server: a token that was fetched, a user's key. */
export interface CredentialSource {
  /**
   * Headers (lower-cased names) to lay over the resolved ones; at once when warm. The same object as long as nothing
   * changed. Rejects with `upstream/login_required`, `upstream/user_key_required`, `upstream/token_failed` and the like:
   * without its credential nothing is sent.
   */
  headers(): CredentialHeaders | Promise<CredentialHeaders>;
  /** Variables to lay over the environment of a stdio child, likewise. */
  env?(): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /**
   * The server refused a request with these headers (all that were sent). Answers true when it is worth one more try:
   * what {@link headers} gives by then is another credential. May reject with what the caller is to be told instead.
   */
  refused(sent: CredentialHeaders, refusal: CredentialRefusal): Promise<boolean>;
  /** Signs each request over HTTP as it goes out, with what {@link headers} waited for. A 403 is then worth asking again. */
  readonly sign?: RequestSigner | undefined;
}

/** A source, and whom its credential stands for. */
export interface SourcedCredential {
  /** `shared` (the gateway itself), `user:…`, `subject:…`: part of `ResolvedCredential.identity`. Holds no secret. */
  readonly identity: string;
  /** The user who keeps it here. */
  readonly userId?: string | undefined;
  readonly source: CredentialSource;
}

/**
 * One way to come by a credential. Called for every request, so a `shared` one answers the same object each time; what is
 * costly or may fail belongs into the source. Never throws.
 */
export interface CredentialStrategy {
  credentialFor(entry: ServerEntry, offer: ClientOffer): SourcedCredential;
}
