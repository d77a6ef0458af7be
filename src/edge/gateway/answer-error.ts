import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GatewayError } from '../../core/errors/gateway-error.js';
import { isModernVersion } from '../../core/protocol/modern/modern-version.js';
import { writeJson } from './exchange.js';
import { rpcErrorReply } from './render-error.js';
import type { Route } from './route.js';

/** The answer to a request that was refused before (or without) a JSON-RPC reply. Rendered once, here. */
export function answerError(
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  error: GatewayError,
  headers: Record<string, string>,
  callId: string,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (error.retryAfterSeconds !== undefined) headers['Retry-After'] = String(error.retryAfterSeconds);
  if (error.code === 'http/method_not_allowed') {
    headers['Allow'] = isModernVersion(request.headers['mcp-protocol-version']) ? 'POST' : 'GET, POST, DELETE';
  }
  // An unread body would be taken for the next request on this connection.
  if (!request.complete) headers['Connection'] = 'close';
  writeJson(response, statusOf(route, request, error), bodyOf(route, error, callId), headers);
}

function statusOf(route: Route, request: IncomingMessage, error: GatewayError): number {
  const isFilter = error.code === 'access/unknown_server' && 'names' in route && route.names === undefined;
  return isFilter && request.url !== undefined ? 400 : error.kind.status;
}

/** JSON-RPC on MCP doors; `{"detail":{"error","message"}}` on REST (reference §2.4). */
function bodyOf(route: Route, error: GatewayError, callId: string): string {
  if (route.door !== 'rest-list' && route.door !== 'rest-call') return rpcErrorReply(error, 'null', callId);
  const detail: Record<string, unknown> = { error: REST_NAMES[error.code] ?? error.code, message: error.publicMessage };
  if (error.code === 'internal/bug') detail['call_id'] = callId;
  else if (error.data !== undefined) detail['data'] = error.data;
  return JSON.stringify({ detail });
}

/** Names the incumbent's REST clients match on. */
const REST_NAMES: Readonly<Partial<Record<GatewayError['code'], string>>> = {
  'access/unknown_server': 'server_not_found',
  'rpc/invalid_params': 'missing_parameter',
  'access/unknown_tool': 'tool_not_found',
  'internal/bug': 'internal_server_error',
};
