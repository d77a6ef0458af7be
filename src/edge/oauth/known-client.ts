/** How a client of ours shows at the token endpoint that it is itself. */
export const CLIENT_AUTH_METHODS = ['none', 'client_secret_post', 'client_secret_basic'] as const;

export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

/** A client of the gateway's authorization server. */
export interface KnownClient {
  readonly id: string;
  /** As it calls itself: for people, and not to be believed. */
  readonly name: string;
  /**
   * `registered` itself (RFC 7591), has a metadata `document`, is `configured` by an administrator, or goes by a bare
   * `name`, as the incumbent's registration had it: that one has no secret and may be on loopback only.
   */
  readonly kind: 'registered' | 'document' | 'configured' | 'name';
  /** Empty for `name`: any address on loopback. */
  readonly redirectUris: readonly string[];
  readonly authMethod: ClientAuthMethod;
}

/** What people may read of a name somebody chose: no control characters, nothing that turns text around, not endless. */
export function displayName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? undefined : text.slice(0, 100).toWellFormed();
}
