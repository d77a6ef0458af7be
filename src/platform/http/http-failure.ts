import { errors } from 'undici';
import { RefusedAddressError } from './address-guard.js';

/** What ended an exchange that has no (complete) response. */
export type HttpFailureReason =
  | 'refused_address'
  | 'connect_failed'
  | 'connect_timeout'
  | 'idle_timeout'
  | 'deadline'
  | 'connection_lost'
  | 'not_http'
  | 'bad_redirect';

/** An HTTP exchange failed below the level of statuses. The message is fit for callers: no host, no secret. */
export class HttpFailure extends Error {
  constructor(
    readonly reason: HttpFailureReason,
    message: string,
    /** Some of the response had come: the request was certainly received. */
    readonly responded: boolean,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'HttpFailure';
  }
}

const CONNECT_CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'name resolution failed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'address not available',
  ETIMEDOUT: 'connect timeout',
};

/** Names what undici, the resolver or the socket reported. */
export function toHttpFailure(error: unknown, responded: boolean): HttpFailure {
  if (error instanceof HttpFailure) return error;
  if (error instanceof RefusedAddressError) {
    return new HttpFailure('refused_address', error.message, responded, error);
  }
  if (error instanceof errors.ConnectTimeoutError) {
    return new HttpFailure('connect_timeout', 'connect timeout', responded, error);
  }
  if (error instanceof errors.InvalidArgumentError) {
    return new HttpFailure('connect_failed', 'the request cannot be sent', responded, error);
  }
  const code = codeOf(error);
  const connecting = CONNECT_CODES[code];
  if (connecting !== undefined && !responded) return new HttpFailure('connect_failed', connecting, responded, error);
  if (/CERT|TLS|SSL|SIGNATURE|EPROTO/.test(code)) {
    return new HttpFailure('connect_failed', `TLS: ${code}`, responded, error);
  }
  if (code.startsWith('HPE_') || error instanceof errors.HeadersOverflowError) {
    return new HttpFailure('not_http', 'the response is not valid HTTP', responded, error);
  }
  return new HttpFailure('connection_lost', 'connection lost', responded, error);
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
