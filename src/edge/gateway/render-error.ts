import { GatewayError } from '../../core/errors/gateway-error.js';
import { errorText } from '../../core/protocol/rpc-message.js';

/**
 * Failures of the HTTP exchange itself keep their status on MCP doors; everything else is a JSON-RPC error inside a
 * 200, as the legacy transports have it.
 */
const EXCHANGE_AREAS = ['auth/', 'http/', 'session/', 'database/'];
const EXCHANGE_CODES: ReadonlySet<string> = new Set([
  'rpc/parse_error',
  'rpc/invalid_request',
  'rpc/unsupported_version',
  'access/unknown_server',
  'internal/bug',
]);

/** Status of the HTTP answer that carries this error on an MCP door. */
export function statusOnMcp(error: GatewayError): number {
  const isExchange = EXCHANGE_CODES.has(error.code) || EXCHANGE_AREAS.some((area) => error.code.startsWith(area));
  return isExchange ? error.kind.status : 200;
}

/** The JSON-RPC error object. A bug shows its call id and nothing else (contract §14). */
export function rpcErrorObject(error: GatewayError, callId: string): string {
  const data = error.code === 'internal/bug' ? { callId } : error.data;
  return JSON.stringify({
    code: error.kind.rpcCode,
    message: error.publicMessage,
    ...(data === undefined ? {} : { data }),
  });
}

/** The whole JSON-RPC reply for a failed request. */
export function rpcErrorReply(error: GatewayError, idText: string, callId: string): string {
  return errorText(idText, rpcErrorObject(error, callId));
}

/** Anything thrown, as an error of the catalogue; what is not one of ours is a bug. */
export function toGatewayError(thrown: unknown): GatewayError {
  return thrown instanceof GatewayError ? thrown : new GatewayError('internal/bug', { cause: thrown });
}
