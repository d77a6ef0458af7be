/**
 * Every error the gateway itself can answer, with everything about it in one place (contract §14). `docs/errors.md`
 * is tested against this table. Codes are `area/what_happened`.
 */
export interface ErrorKind {
  /** Status on REST doors and on MCP when the failure is of the HTTP exchange. */
  readonly status: number;
  /** JSON-RPC code on MCP doors. */
  readonly rpcCode: number;
  /** What the caller reads; `detail` of the error is appended only when `status` is below 500 or `exposesDetail`. */
  readonly sentence: string;
  readonly retryable: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** The detail is written for callers even though the status is 5xx (an upstream's reason). */
  readonly exposesDetail?: true;
  /** The detail is a whole sentence, in words that clients match on (reference, Appendix E): it stands alone. */
  readonly detailStandsAlone?: true;
}

const kinds = {
  'auth/required': {
    status: 401,
    rpcCode: -32001,
    sentence: 'Authentication required: send a valid gateway key as x-litellm-api-key or Authorization: Bearer',
    retryable: false,
    logLevel: 'debug',
  },
  'auth/forbidden': { status: 403, rpcCode: -32003, sentence: 'Not allowed', retryable: false, logLevel: 'info' },
  'http/forbidden_host': {
    status: 403,
    rpcCode: -32003,
    sentence: 'Host or Origin not allowed',
    retryable: false,
    logLevel: 'warn',
  },
  'http/not_found': { status: 404, rpcCode: -32004, sentence: 'Not found', retryable: false, logLevel: 'debug' },
  'http/method_not_allowed': {
    status: 405,
    rpcCode: -32000,
    sentence: 'Method not allowed',
    retryable: false,
    logLevel: 'debug',
  },
  'http/not_acceptable': {
    status: 406,
    rpcCode: -32000,
    sentence: 'Not acceptable: the Accept header must allow application/json or text/event-stream',
    retryable: false,
    logLevel: 'debug',
  },
  'http/body_too_large': {
    status: 413,
    rpcCode: -32600,
    sentence: 'Request body too large',
    retryable: false,
    logLevel: 'info',
  },
  'http/unsupported_media_type': {
    status: 415,
    rpcCode: -32000,
    sentence: 'Unsupported media type: send application/json',
    retryable: false,
    logLevel: 'debug',
  },
  'http/too_many': { status: 429, rpcCode: -32029, sentence: 'Too many requests', retryable: true, logLevel: 'info' },
  'http/draining': {
    status: 503,
    rpcCode: -32000,
    sentence: 'The gateway is shutting down',
    retryable: true,
    logLevel: 'debug',
  },
  'rpc/parse_error': { status: 400, rpcCode: -32700, sentence: 'Parse error', retryable: false, logLevel: 'debug' },
  'rpc/invalid_request': {
    status: 400,
    rpcCode: -32600,
    sentence: 'Invalid request',
    retryable: false,
    logLevel: 'debug',
  },
  'rpc/method_not_found': {
    status: 404,
    rpcCode: -32601,
    sentence: 'Method not found',
    retryable: false,
    logLevel: 'debug',
  },
  'rpc/invalid_params': {
    status: 400,
    rpcCode: -32602,
    sentence: 'Invalid params',
    retryable: false,
    logLevel: 'debug',
  },
  'rpc/unsupported_version': {
    status: 400,
    rpcCode: -32000,
    sentence: 'Unsupported protocol version',
    retryable: false,
    logLevel: 'debug',
  },
  'session/required': {
    status: 400,
    rpcCode: -32000,
    sentence: 'Mcp-Session-Id header required',
    retryable: false,
    logLevel: 'debug',
  },
  'session/unknown': {
    status: 404,
    rpcCode: -32001,
    sentence: 'Session not found',
    retryable: false,
    logLevel: 'debug',
  },
  'access/unknown_tool': {
    status: 404,
    rpcCode: -32602,
    sentence: 'Unknown tool',
    retryable: false,
    logLevel: 'debug',
  },
  'access/ambiguous_name': {
    status: 400,
    rpcCode: -32602,
    sentence: 'Ambiguous name',
    retryable: false,
    logLevel: 'debug',
  },
  'access/unknown_prompt': {
    status: 404,
    rpcCode: -32602,
    sentence: 'Unknown prompt',
    retryable: false,
    logLevel: 'debug',
  },
  'access/unknown_resource': {
    status: 404,
    rpcCode: -32002,
    sentence: 'Resource not found',
    retryable: false,
    logLevel: 'debug',
  },
  'access/unknown_server': {
    status: 404,
    rpcCode: -32602,
    sentence: 'Unknown server',
    retryable: false,
    logLevel: 'debug',
  },
  'access/parameter_not_allowed': {
    status: 403,
    rpcCode: -32602,
    sentence: 'Parameter not allowed',
    retryable: false,
    logLevel: 'info',
  },
  'key/refused': {
    status: 400,
    rpcCode: -32602,
    sentence: 'The key cannot be stored',
    retryable: false,
    logLevel: 'debug',
    detailStandsAlone: true,
  },
  'key/forbidden': {
    status: 403,
    rpcCode: -32003,
    sentence: 'You are not allowed to manage this key',
    retryable: false,
    logLevel: 'info',
    detailStandsAlone: true,
  },
  'key/not_permitted_in_team': {
    status: 401,
    rpcCode: -32003,
    sentence: 'Team member does not have permissions for this endpoint',
    retryable: false,
    logLevel: 'info',
    detailStandsAlone: true,
  },
  'key/not_found': {
    status: 404,
    rpcCode: -32004,
    sentence: 'Key not found in database',
    retryable: false,
    logLevel: 'debug',
  },
  'upstream/unreachable': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server unreachable',
    retryable: true,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/timeout': {
    status: 504,
    rpcCode: -32603,
    sentence: 'Server did not answer in time',
    retryable: true,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/circuit_open': {
    status: 503,
    rpcCode: -32603,
    sentence: 'Server is failing and is not being asked for now',
    retryable: true,
    logLevel: 'debug',
    exposesDetail: true,
  },
  'upstream/unauthorized': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server refused the credential',
    retryable: false,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/bad_reply': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server answered with something that is not MCP',
    retryable: false,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/too_large': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server answered with more than the allowed size',
    retryable: false,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/session_lost': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server lost its session while the call ran; the call was not repeated',
    retryable: true,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/busy': {
    status: 429,
    rpcCode: -32029,
    sentence: 'Too many calls to this server',
    retryable: true,
    logLevel: 'info',
  },
  'upstream/refused_address': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server address refused',
    retryable: false,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'upstream/spawn_refused': {
    status: 502,
    rpcCode: -32603,
    sentence: 'Server process could not be started',
    retryable: false,
    logLevel: 'warn',
    exposesDetail: true,
  },
  'call/cancelled': { status: 499, rpcCode: -32800, sentence: 'Cancelled', retryable: false, logLevel: 'debug' },
  'server/refused': {
    status: 400,
    rpcCode: -32602,
    sentence: 'The server cannot be stored',
    retryable: false,
    logLevel: 'debug',
    detailStandsAlone: true,
  },
  'server/forbidden': {
    status: 403,
    rpcCode: -32003,
    sentence: 'Only proxy admins may manage servers',
    retryable: false,
    logLevel: 'info',
    detailStandsAlone: true,
  },
  'server/not_found': {
    status: 404,
    rpcCode: -32004,
    sentence: 'MCP Server not found',
    retryable: false,
    logLevel: 'debug',
    detailStandsAlone: true,
  },
  'server/file_owned': {
    status: 409,
    rpcCode: -32602,
    sentence: 'The server is defined in the configuration file',
    retryable: false,
    logLevel: 'debug',
  },
  'server/storage_off': {
    status: 409,
    rpcCode: -32602,
    sentence: 'Servers, toolsets and submissions are not stored in the database',
    retryable: false,
    logLevel: 'debug',
  },
  'config/invalid': {
    status: 500,
    rpcCode: -32603,
    sentence: 'Invalid configuration',
    retryable: false,
    logLevel: 'error',
  },
  'database/unavailable': {
    status: 503,
    rpcCode: -32603,
    sentence: 'Database unavailable',
    retryable: true,
    logLevel: 'error',
  },
  'internal/bug': { status: 500, rpcCode: -32603, sentence: 'Internal error', retryable: false, logLevel: 'error' },
} as const satisfies Record<string, ErrorKind>;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof kinds;

export const ERROR_CATALOG: Readonly<Record<ErrorCode, ErrorKind>> = kinds;
