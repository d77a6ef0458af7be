import { isRecord } from '../../core/definition/field-checks.js';

/**
 * Why a token of a user is not taken, by `token_validation` (reference §1.2): a mapping of dot-paths into the claims of the
 * token to what must stand there: a value, or a list of which one must. A claim that is a list must hold one of them.
 * Undefined: it is taken. A token whose claims cannot be read passes no rule. The signature is not looked at: the token came
 * from its issuer's own endpoint, and it is the server that has to believe it.
 */
export function tokenRefusal(rules: unknown, accessToken: string): string | undefined {
  if (rules === undefined || rules === null) return undefined;
  if (!isRecord(rules)) return 'its token_validation is not a mapping';
  const paths = Object.entries(rules);
  if (paths.length === 0) return undefined;
  const claims = claimsOf(accessToken);
  if (claims === undefined) return 'token_validation asks for claims, and the token is not a JWT';
  const failed = paths.filter(([path, wanted]) => !isAmong(valueAt(claims, path), wanted)).map(([path]) => path);
  return failed.length === 0
    ? undefined
    : `token_validation: ${failed.join(', ')} of the token is not what is asked for`;
}

function claimsOf(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return isRecord(claims) ? claims : undefined;
  } catch {
    // Three parts, but no JSON: no JWT.
    return undefined;
  }
}

/** A claim may have dots in its own name (`https://example.com/team`): the longest name wins. */
function valueAt(claims: unknown, path: string): unknown {
  if (!isRecord(claims)) return undefined;
  if (Object.hasOwn(claims, path)) return claims[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    if (Object.hasOwn(claims, name)) return valueAt(claims[name], path.slice(dot + 1));
  }
  return undefined;
}

function isAmong(found: unknown, wanted: unknown): boolean {
  const choices: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  const values: readonly unknown[] = Array.isArray(found) ? found : [found];
  return values.some((value) => value !== undefined && choices.includes(value));
}
