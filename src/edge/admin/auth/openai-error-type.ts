import type { GatewayError } from '../../../core/errors/gateway-error.js';

/**
 * The `type` of an error in the OpenAI shape (reference App. E.3, ProxyErrorTypes). An error may name its own as
 * `data.type`; else its status says it.
 */
export function openAiErrorType(error: GatewayError): string {
  const named = error.data?.['type'];
  if (typeof named === 'string') return named;
  return error.code === 'database/unavailable' ? 'no_db_connection' : openAiTypeOfStatus(error.kind.status);
}

/** What a status means when nothing more is known. */
export function openAiTypeOfStatus(status: number): string {
  if (status === 401 || status === 403) return 'auth_error';
  if (status === 404) return 'not_found_error';
  return status < 500 ? 'bad_request_error' : 'internal_server_error';
}
