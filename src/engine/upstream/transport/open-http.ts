import { GatewayError } from '../../../core/errors/gateway-error.js';
import { notificationText, requestText, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import { NO_CAPABILITIES } from '../../../core/model/client-capabilities.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { parseHttpTarget } from '../../../platform/http/http-target.js';
import type { ConnectOptions, UpstreamConnection } from '../connection.js';
import { HttpStatusError, upstreamError } from '../upstream-error.js';
import { initializeParams } from './initialize-params.js';
import { HttpCall } from './http-call.js';
import { HttpConnection } from './http-connection.js';
import { HttpSession } from './http-session.js';
import { readUpstreamInfo } from './pipe-upstream-info.js';

export interface HttpConnectOptions extends ConnectOptions {
  readonly http: HttpClient;
  /** Our version, for `clientInfo`. */
  readonly clientVersion: string;
  /** Longest wait for the reply to `initialize`. */
  readonly handshakeTimeoutMs: number;
}

/** Visible ASCII, as the specification wants it; anything else could not be sent back (2025-03-26, "Session Management"). */
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/**
 * Opens a session over streamable HTTP with an upstream of the legacy era: `initialize`, then
 * `notifications/initialized`. Rejects with `upstream/*`; when a status was the whole answer, or came with the refusal,
 * the error's cause is a {@link HttpStatusError}.
 */
export async function openHttpConnection(options: HttpConnectOptions): Promise<UpstreamConnection> {
  const { entry, credential, limits, http, client = () => undefined } = options;
  const target = entry.endpoint.kind === 'http' ? parseHttpTarget(entry.endpoint.url) : undefined;
  if (target === undefined) throw upstreamError('upstream/unreachable', entry, 'its URL is not an http or https URL');

  const session = new HttpSession({
    http,
    entry,
    target,
    limits,
    sign: credential.source?.sign,
    client,
    onNotification: options.onNotification,
  });
  const { reply, call } = await initialize(session, options);
  const info = readInfo(options, reply, call);
  session.establish(info.protocolVersion, readSessionId(options, call));
  // A hop on the same origin (a trailing slash, mostly) is taken once, not with every call.
  if (call.target.origin === target.origin) session.target = { ...call.target, userinfo: target.userinfo };

  await session.notice(notificationText('notifications/initialized', undefined), credential.headers);
  return new HttpConnection(session, info, credential, options.onClose);
}

async function initialize(
  session: HttpSession,
  options: HttpConnectOptions,
): Promise<{ reply: RpcMessage; call: HttpCall }> {
  const { credential, capabilities = NO_CAPABILITIES, clientVersion, handshakeTimeoutMs, nextRequestId } = options;
  const id = nextRequestId();
  const text = requestText(id, 'initialize', initializeParams(capabilities, clientVersion));
  const request = { id, method: 'initialize', text, repeatable: true, idleTimeoutMs: handshakeTimeoutMs };
  const { promise, resolve, reject } = Promise.withResolvers<RpcMessage>();
  const call = new HttpCall(session, request, credential.headers, resolve, reject, undefined);
  call.start();
  return { reply: await promise, call };
}

function readInfo(
  { entry }: HttpConnectOptions,
  reply: RpcMessage,
  call: HttpCall,
): ReturnType<typeof readUpstreamInfo> {
  try {
    return readUpstreamInfo(entry, reply);
  } catch (error) {
    if (!(error instanceof GatewayError) || call.status < 400) throw error;
    const status = new HttpStatusError(call.status, undefined, reply.text.slice(0, 1_024));
    throw upstreamError('upstream/bad_reply', entry, String(error.data?.['reason']), status);
  }
}

function readSessionId({ entry }: HttpConnectOptions, call: HttpCall): string | undefined {
  const id = call.headers['mcp-session-id'];
  if (id === undefined || id === '') return undefined;
  if (typeof id === 'string' && SESSION_ID.test(id)) return id;
  throw upstreamError('upstream/bad_reply', entry, 'its session id is not visible ASCII');
}
