import type { Secret } from '../../core/model/secret.js';

/** A key of the user's own (`is_byok`), a token set got by OAuth, or values of variables. */
export type UserCredentialKind = 'byok' | 'oauth' | 'env';

/** Whose, for which server, and what. */
export interface CredentialRef {
  readonly userId: string;
  /** Id of the server's entry. */
  readonly serverId: string;
  readonly kind: UserCredentialKind;
}

/** What a user keeps for a server. */
export interface UserCredential extends CredentialRef {
  /** `byok`: the key itself. `env`: JSON of names to values. `oauth`: JSON of the token set. Empty unless `active`. */
  readonly secret: Secret;
  /** Where it may be sent: {@link credentialAddress} of the server at the time it was given. */
  readonly address: string;
  /** When the access token ends, in milliseconds since the epoch; it may be refreshed then. */
  readonly expiresAt: number | undefined;
  /** When it ends, whatever is in it. */
  readonly keptUntil: number | undefined;
  /** When it was given or renewed last, in milliseconds since the epoch. */
  readonly renewedAt: number;
  readonly status: 'active' | 'needs_reauth';
  /** Why the user must connect again; for them to read. */
  readonly reason: string | undefined;
  /** Grows with every change. */
  readonly revision: number;
  /** When the user gave it, in milliseconds since the epoch. */
  readonly connectedAt: number;
}

/** One text for a reference; the key of maps. */
export function credentialKey({ userId, serverId, kind }: CredentialRef): string {
  return JSON.stringify([userId, serverId, kind]);
}

/** What a change of the credential is announced under: `<user>/<server>`. */
export function credentialSubject({ userId, serverId }: Omit<CredentialRef, 'kind'>): string {
  return `${userId}/${encodeURIComponent(serverId)}`;
}

/** The inverse, as far as it is needed: a user's id may hold slashes, a server's does not any more. */
export function userOfSubject(subject: string): string {
  return subject.slice(0, subject.lastIndexOf('/'));
}
