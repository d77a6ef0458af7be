import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Secret } from '../../../core/model/secret.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { HttpFailure } from '../../../platform/http/http-failure.js';
import { printableUrl } from '../../../state/registry/guarded-endpoint.js';
import { SignInProblem } from '../oauth/sign-in-problem.js';
import { BadTokenReply, TokenRefusal } from '../oauth/token-endpoint.js';
import { upstreamError } from '../upstream-error.js';

/**
 * Why there is no token, in words for the caller: the endpoint that was asked, its status and the `error` it named. What
 * else it said goes to the log with the cause, unless it repeats one of our `secrets`. Errors that are no failures of an
 * endpoint are passed on.
 */
export function tokenFailure(
  entry: ServerEntry,
  endpoint: string | undefined,
  error: unknown,
  secrets: readonly Secret[],
): unknown {
  const where = endpoint === undefined ? '' : `${printableUrl(endpoint)} `;
  if (error instanceof TokenRefusal) {
    const isQuiet = secrets.some((secret) => error.message.includes(secret.reveal()));
    const reason = `${where}answered ${error.status} ${isQuiet ? 'and repeats a secret' : error.error}`;
    return upstreamError('upstream/token_failed', entry, reason, isQuiet ? undefined : error);
  }
  if (error instanceof BadTokenReply) {
    return upstreamError('upstream/token_failed', entry, `${where}answered ${error.status} without a token`, error);
  }
  if (error instanceof HttpFailure) {
    return upstreamError('upstream/token_failed', entry, `${where}was not reached: ${error.message}`, error);
  }
  if (error instanceof SignInProblem) return upstreamError('upstream/token_failed', entry, error.message, error);
  return error;
}

/** A failure that is ours: what is configured cannot be used. */
export function unusableClient(entry: ServerEntry, reason: string, cause?: unknown): GatewayError {
  return upstreamError('upstream/token_failed', entry, reason, cause);
}
