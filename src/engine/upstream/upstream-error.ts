import { ERROR_CATALOG, type ErrorCode } from '../../core/errors/catalog.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { HttpFailure, HttpFailureReason } from '../../platform/http/http-failure.js';

export type UpstreamErrorCode = Extract<ErrorCode, `upstream/${string}`>;

/**
 * A failure of one server in the words callers read (contract §14): `data` is `{server, reason, retryable}`. `reason` is
 * a short text without hosts, addresses or secrets; `cause` is for logs.
 */
export function upstreamError(
  code: UpstreamErrorCode,
  entry: ServerEntry,
  reason: string,
  cause?: unknown,
  retryAfterSeconds?: number,
): GatewayError {
  return new GatewayError(code, {
    detail: `${entry.name}: ${reason}`,
    data: { server: entry.name, reason, retryable: ERROR_CATALOG[code].retryable },
    ...(cause === undefined ? {} : { cause }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

const CODES: Readonly<Record<HttpFailureReason, UpstreamErrorCode>> = {
  refused_address: 'upstream/refused_address',
  connect_failed: 'upstream/unreachable',
  connect_timeout: 'upstream/unreachable',
  connection_lost: 'upstream/unreachable',
  idle_timeout: 'upstream/timeout',
  deadline: 'upstream/timeout',
  not_http: 'upstream/bad_reply',
  bad_redirect: 'upstream/bad_reply',
};

/** The failure is kept as `cause`, see {@link httpFailureOf}. */
export function errorOfHttpFailure(entry: ServerEntry, failure: HttpFailure): GatewayError {
  return upstreamError(CODES[failure.reason], entry, failure.message, failure);
}

/** An HTTP status that was the whole answer. Kept as `cause` of the error it became; for logs and for the pool. */
export class HttpStatusError extends Error {
  constructor(
    readonly status: number,
    /** The challenge of a 401 or 403, for the OAuth client; at most 2 KiB. */
    readonly wwwAuthenticate: string | undefined,
    /** The beginning of the body. Logs only. */
    readonly body: string,
  ) {
    super(`HTTP ${status}`);
    this.name = 'HttpStatusError';
  }
}
