/** What a user got from an authorization server for one server. JSON; secret. */
export interface UpstreamTokenSet {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** Milliseconds since the epoch; absent: the server did not say. */
  readonly expiresAt?: number | undefined;
  /** As granted. */
  readonly scope?: string | undefined;
  /** Who gave it: it is refreshed and revoked there, and nowhere else. */
  readonly issuer: string;
  /** As which client; see `ChosenClient`. */
  readonly clientRef: string;
}
