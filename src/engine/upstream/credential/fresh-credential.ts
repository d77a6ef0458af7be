import { createHash } from 'node:crypto';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ResolvedCredential } from '../upstream.js';
import { HttpStatusError } from '../upstream-error.js';
import type { CredentialHeaders, CredentialRefusal, CredentialSource } from './credential-source.js';

/** By what a source said: what it was laid over, and the result. */
const laidOver = new WeakMap<
  CredentialHeaders,
  { readonly base: ResolvedCredential; readonly fresh: ResolvedCredential }
>();

/** The credential with what its source says now: itself when it has none, at once when the source is warm. */
export function freshCredential(resolved: ResolvedCredential): ResolvedCredential | Promise<ResolvedCredential> {
  const { source } = resolved;
  if (source === undefined) return resolved;
  const headers = source.headers();
  const env = source.env?.();
  if (headers instanceof Promise || env instanceof Promise) {
    return Promise.all([headers, env]).then(([said, variables]) => layOver(resolved, said, variables));
  }
  return layOver(resolved, headers, env);
}

function layOver(
  base: ResolvedCredential,
  headers: CredentialHeaders,
  env: Readonly<Record<string, string>> | undefined,
): ResolvedCredential {
  if (env !== undefined) return { ...base, headers: { ...base.headers, ...headers }, ...withEnvironment(base, env) };
  const known = laidOver.get(headers);
  if (known?.base === base) return known.fresh;
  const fresh = { ...base, headers: { ...base.headers, ...headers } };
  laidOver.set(headers, { base, fresh });
  return fresh;
}

/** A child with other variables is another child, whoever it is for. */
function withEnvironment(
  base: ResolvedCredential,
  added: Readonly<Record<string, string>>,
): Pick<ResolvedCredential, 'env' | 'envKey'> {
  const env = { ...base.env, ...added };
  const pairs = Object.entries(env).sort(([left], [right]) => (left < right ? -1 : 1));
  return { env, envKey: createHash('sha256').update(JSON.stringify(pairs)).digest('base64url') };
}

/**
 * Runs something with the credential as it is now, and once more when the server refuses it (nothing was executed then)
 * and its source has another one. `wait` bounds how long the source is waited for.
 */
export async function withFreshCredential<T>(
  resolved: ResolvedCredential,
  source: CredentialSource,
  run: (fresh: ResolvedCredential) => Promise<T>,
  wait: <V>(pending: Promise<V>) => Promise<V>,
): Promise<T> {
  const current = async (): Promise<ResolvedCredential> => {
    const fresh = freshCredential(resolved);
    return fresh instanceof Promise ? wait(fresh) : fresh;
  };
  const first = await current();
  try {
    return await run(first);
  } catch (error) {
    const refusal = refusalOf(error, source);
    if (refusal === undefined || !(await wait(source.refused(first.headers, refusal)))) throw error;
  }
  return run(await current());
}

/** Undefined: whatever happened, another credential would not help. */
function refusalOf(error: unknown, source: CredentialSource): CredentialRefusal | undefined {
  if (!(error instanceof GatewayError) || error.code !== 'upstream/unauthorized') return undefined;
  if (!(error.cause instanceof HttpStatusError)) return undefined;
  const { status, wwwAuthenticate } = error.cause;
  const mayBeScope = wwwAuthenticate?.includes('insufficient_scope') === true || source.sign !== undefined;
  const isOne = status === 401 || (status === 403 && mayBeScope);
  return isOne ? { status, wwwAuthenticate } : undefined;
}
