import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import { parseHttpTarget } from '../../../platform/http/http-target.js';
import { SlotTable } from '../../../platform/http/slot-table.js';
import type { UpstreamConnection } from '../connection.js';
import { ConnectionCredential } from '../credential/connection-credential.js';
import type { CredentialHeaders } from '../credential/credential-source.js';
import { afterFailedDiscovery } from '../era-negotiation.js';
import { CallControl, type ResolvedCredential, type UpstreamRequest } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';
import { HttpCall } from './http-call.js';
import type { HttpSession } from './http-session.js';
import type { ModernCarrier, ModernListener } from './modern-carrier.js';
import { ModernConnection } from './modern-connection.js';
import { clientInfo, discoverRequest } from './modern-discover.js';
import { ModernHttpListener } from './modern-http-listener.js';
import { ModernHttpSession } from './modern-http-session.js';
import { namesOurVersion, readModernInfo } from './modern-info.js';
import type { HttpConnectOptions } from './open-http.js';

/** A server that has not said who it is by then may be one of the legacy era. */
const DISCOVERY_MS_MAX = 5_000;
/** Nobody has that much to say of themselves. */
const DISCOVERY_BYTES_MAX = 1024 * 1024;

/**
 * Asks a server over HTTP who it is in the modern way (`server/discover`) and answers a connection if it is of that era.
 * Rejects with `NotModernError` where `initialize` should be tried, else with `upstream/*`.
 */
export async function openModernHttp(options: HttpConnectOptions): Promise<UpstreamConnection> {
  const { entry, credential, limits, http, nextRequestId } = options;
  const target = entry.endpoint.kind === 'http' ? parseHttpTarget(entry.endpoint.url) : undefined;
  if (target === undefined) throw upstreamError('upstream/unreachable', entry, 'its URL is not an http or https URL');
  const common = {
    http,
    entry,
    target,
    sign: credential.source?.sign,
    client: () => undefined,
    onNotification: options.onNotification,
  };
  const resultBytesMax = Math.min(limits.resultBytesMax, DISCOVERY_BYTES_MAX);
  const discovery = new ModernHttpSession({ ...common, limits: { ...limits, resultBytesMax } });
  const clientInfoText = clientInfo(options.clientVersion);
  const control = new CallControl();
  const discover = async (): Promise<{ reply: RpcMessage; call: HttpCall }> => {
    const { headers, ...request } = discoverRequest(nextRequestId(), options.clientVersion);
    const { promise, resolve, reject } = Promise.withResolvers<RpcMessage>();
    const sent = { ...credential.headers, ...headers };
    const call = new HttpCall(discovery, { ...request, control }, sent, resolve, reject, undefined);
    call.start();
    return { reply: await promise, call };
  };
  // Half of the time that there is: a server that keeps silent, or does not come to an end, may still be initialised in it.
  const discoveryMs = Math.min(options.handshakeTimeoutMs / 2, DISCOVERY_MS_MAX);
  const timer = setTimeout(() => control.abandon(), discoveryMs).unref();
  const { reply, call } = await discover()
    // It names a revision of ours as one that it speaks, so it is asked in that ("Protocol Version Negotiation").
    .then((asked) => (namesOurVersion(asked.reply) ? discover() : asked))
    .catch((error: unknown) => {
      throw afterFailedDiscovery(error);
    })
    .finally(() => clearTimeout(timer));
  const info = readModernInfo(entry, reply);
  const session = new ModernHttpSession({ ...common, limits });
  // A hop on the same origin (a trailing slash, mostly) is taken once, not with every call.
  if (call.target.origin === target.origin) session.target = { ...call.target, userinfo: target.userinfo };
  const connection = new ModernConnection(
    { entry, info, limits, clientInfoText, nextRequestId, onNotification: options.onNotification },
    (made) => new HttpCarrier(session, made, nextRequestId, clientInfoText, credential),
  );
  session.onLost = () => {
    connection.markClosed();
    options.onClose('the server does not speak the modern era any more');
  };
  return connection;
}

/** Every request an exchange of its own. */
class HttpCarrier implements ModernCarrier {
  readonly stateful = false;
  readonly listener: ModernListener;
  readonly #session: HttpSession;
  readonly #calls = new SlotTable<HttpCall>();
  readonly #credential: ConnectionCredential;

  constructor(
    session: HttpSession,
    connection: ModernConnection,
    nextRequestId: () => number,
    clientInfoText: string,
    credential: ResolvedCredential,
  ) {
    this.#session = session;
    this.#credential = new ConnectionCredential(credential);
    const means = {
      nextRequestId,
      credential: this.#credential,
      onMessage: (message: RpcMessage) => connection.takeNotification(message),
      onGap: () => connection.takeGap(),
    };
    this.listener = new ModernHttpListener(session, means, clientInfoText);
  }

  exchange(request: UpstreamRequest, mirrored: CredentialHeaders, credential: CredentialHeaders): Promise<RpcMessage> {
    this.#credential.last = credential;
    return new Promise((resolve, reject) => {
      new HttpCall(this.#session, request, { ...credential, ...mirrored }, resolve, reject, this.#calls).start();
    });
  }

  close(): Promise<void> {
    for (const call of this.#calls) call.drop();
    return Promise.resolve();
  }
}
