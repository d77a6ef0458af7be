import type { IncomingMessage } from 'node:http';

const EXPOSED = 'Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After';
const METHODS = 'GET, POST, DELETE, OPTIONS';
/** How long a browser may remember the preflight, in seconds. */
const MAX_AGE_S = 600;

/** For a browser client whose Origin has been allowed already; nothing for anybody else. */
export function corsHeaders(request: IncomingMessage): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined) return {};
  const headers: Record<string, string> = {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': EXPOSED,
    Vary: 'Origin',
  };
  if (!isPreflight(request)) return headers;
  return {
    ...headers,
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': request.headers['access-control-request-headers'] ?? 'Content-Type, Authorization',
    'Access-Control-Max-Age': String(MAX_AGE_S),
  };
}

/** Browsers ask before they send a credential, and the question carries none. */
export function isPreflight(request: IncomingMessage): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}
