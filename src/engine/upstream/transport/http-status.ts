import type { IncomingHttpHeaders } from 'node:http';
import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import { HttpStatusError, upstreamError } from '../upstream-error.js';

const CHALLENGE_CHARS_MAX = 2_048;
const KEPT_BODY_CHARS_MAX = 1_024;
const RETRY_AFTER_SECONDS_MAX = 3_600;

/** How an answer with a status of 400 or above is to be read. */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of the body. */
  readonly body: string;
  /** The body's JSON-RPC error, if it is one. */
  readonly error: RpcMessage | undefined;
}

/**
 * Whether the upstream means: I do not know this session, or: I want one. 404 says the former by the specification
 * (2025-03-26, "Session Management") unless it is a JSON-RPC "method not found"; servers also answer 400 and say it in
 * words, above all after a restart.
 */
export function meansSessionLost({ status, body, error }: Refusal, sentSession: boolean): boolean {
  const code = (error?.value['error'] as { code?: unknown } | undefined)?.code;
  if (status === 404) return sentSession && code !== -32601 && code !== -32602;
  if (status !== 400 || (error !== undefined && (code === -32601 || code === -32602))) return false;
  return /session|not initialized/i.test(body);
}

/** Codes that only servers of the modern era use (2026-07-28, "Error Codes"): they do not take requests of a session. */
export function comesOfModernServer({ error }: Refusal): boolean {
  const code = (error?.value['error'] as { code?: unknown } | undefined)?.code;
  return code === -32_020 || code === -32_021 || code === -32_022;
}

/** The error of a status that carries no JSON-RPC reply. */
export function errorOfStatus(entry: ServerEntry, { status, headers, body }: Refusal): GatewayError {
  const cause = new HttpStatusError(
    status,
    headers['www-authenticate']?.slice(0, CHALLENGE_CHARS_MAX),
    body.slice(0, KEPT_BODY_CHARS_MAX),
  );
  const reason = `HTTP ${status}`;
  if (status === 401 || status === 403) return upstreamError('upstream/unauthorized', entry, reason, cause);
  if (status === 429) {
    return upstreamError('upstream/busy', entry, reason, cause, retryAfter(headers));
  }
  if (status >= 500) return upstreamError('upstream/unreachable', entry, reason, cause);
  return upstreamError('upstream/bad_reply', entry, reason, cause);
}

function retryAfter(headers: IncomingHttpHeaders): number {
  const seconds = Number(headers['retry-after'] ?? 1);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds), RETRY_AFTER_SECONDS_MAX) : 1;
}
