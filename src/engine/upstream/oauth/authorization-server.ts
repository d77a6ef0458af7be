import type { JudgedAddress } from './learnt-address.js';

/** An authorization server, as far as the gateway needs it. */
export interface AuthorizationServer {
  /** Exactly as it calls itself; where nothing is known of it, the origin that was taken for it. */
  readonly issuer: string;
  /**
   * `configured`: an administrator wrote both endpoints. `metadata`: its own document says so, and its `issuer` is the one
   * that was asked for. `assumed`: there is no document; the endpoints are those of the revision of 2025-03-26.
   */
  readonly source: 'configured' | 'metadata' | 'assumed';
  readonly authorization: JudgedAddress | undefined;
  readonly token: JudgedAddress | undefined;
  readonly registration: JudgedAddress | undefined;
  readonly revocation: JudgedAddress | undefined;
  /** Undefined: it does not say. */
  readonly tokenAuthMethods: readonly string[] | undefined;
  readonly scopesSupported: readonly string[];
  /** It says that it takes PKCE with S256, or nobody knows better. */
  readonly supportsPkce: boolean;
  /** Answers carry `iss`, always (RFC 9207). */
  readonly sendsIssuer: boolean;
  /** `client_id_metadata_document_supported`. */
  readonly readsClientDocuments: boolean;
}

/** What the gateway found out about signing in to one server. */
export interface SignIn {
  readonly server: AuthorizationServer;
  /** Scopes to ask for when nobody asked for others. Empty: none are named. */
  readonly scopes: readonly string[];
  /** RFC 8707 indicator to send; undefined: none. */
  readonly resource: string | undefined;
}
