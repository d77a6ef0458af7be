/** An address a request goes to, taken apart once. */
export interface HttpTarget {
  /** Scheme, host and port, as in `https://example.com:8443`. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly isSecure: boolean;
  /** Decoded `user:password` of the URL; never sent anywhere but as a header, and never to another origin. */
  readonly userinfo: string | undefined;
  /** A public server's redirect named it: dialled at public addresses only, whatever the policy of the request. */
  readonly isForeign: boolean;
}

/** Reads an absolute http or https URL; undefined for anything else. The fragment is dropped. */
export function parseHttpTarget(url: string, base?: HttpTarget): HttpTarget | undefined {
  const parsed = URL.parse(url, base === undefined ? undefined : `${base.origin}${base.path}`);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return undefined;
  return {
    origin: parsed.origin,
    path: `${parsed.pathname}${parsed.search}`,
    isSecure: parsed.protocol === 'https:',
    userinfo: parsed.username === '' ? undefined : decode(`${parsed.username}:${parsed.password}`),
    isForeign: base?.isForeign ?? false,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign: the characters are meant as they stand.
    return text;
  }
}
