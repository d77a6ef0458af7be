/** A secret that would be recognised anywhere. */
export function canary(name: string): string {
  return `canary-${name}-${Math.random().toString(36).slice(2, 12)}`;
}

/** The forms in which a secret may leak: as it is, base64 (whole or behind a user name), URL-encoded, reversed JSON escapes. */
export function findLeaks(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => forms(secret).some((form) => text.includes(form)));
}

function forms(secret: string): readonly string[] {
  // Base64 of a text that contains the secret holds it at one of three alignments; the inner characters are the same.
  const aligned = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(`${'x'.repeat(shift)}${secret}`)
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  return [...new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...aligned])];
}
