/** What a `WWW-Authenticate: Bearer` challenge says (RFC 6750 §3, RFC 9728 §5.1). */
export interface BearerChallenge {
  readonly resourceMetadata: string | undefined;
  readonly scope: string | undefined;
  readonly error: string | undefined;
}

const CHALLENGE_CHARS_MAX = 8_192;

/** `token68`, `name=value` and `name="quoted"`, in the order they come; a name without value starts a new challenge. */
const PART = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*)))?/g;

/** The first Bearer challenge of the header; undefined when there is none. Never throws: the text is an upstream's. */
export function parseBearerChallenge(header: string | undefined): BearerChallenge | undefined {
  if (header === undefined || header.length > CHALLENGE_CHARS_MAX) return undefined;
  let parameters: Map<string, string> | undefined;
  for (const [, name = '', quoted, plain] of header.matchAll(PART)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) {
      if (parameters !== undefined) break;
      if (name.toLowerCase() === 'bearer') parameters = new Map();
    } else if (parameters !== undefined && !parameters.has(name.toLowerCase())) {
      parameters.set(name.toLowerCase(), value);
    }
  }
  if (parameters === undefined) return undefined;
  return {
    resourceMetadata: filled(parameters.get('resource_metadata')),
    scope: filled(parameters.get('scope')),
    error: filled(parameters.get('error')),
  };
}

function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
