import type { SigningKeyStatus } from '../../../state/signing/signing-keys.js';

/** Times in ISO 8601; null: none. */
export function presentSigningKeys(keys: readonly SigningKeyStatus[]) {
  return {
    keys: keys.map(({ id, origin, isSigning, createdAt, signsFrom, publishedUntil }) => ({
      kid: id,
      origin,
      is_signing: isSigning,
      created_at: time(createdAt),
      signs_from: time(signsFrom),
      published_until: time(publishedUntil),
    })),
  };
}

function time(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
