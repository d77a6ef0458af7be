import type { Limits } from '../../../core/model/limits.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { composeRequest } from '../../../core/protocol/modern/compose-request.js';
import { resultKind, toLegacyReply } from '../../../core/protocol/modern/legacy-reply.js';
import {
  errorText,
  notificationText,
  readRpcMessage,
  requestText,
  resultText,
  type RpcMessage,
} from '../../../core/protocol/rpc-message.js';
import type { UpstreamConnection } from '../connection.js';
import type { UpstreamInfo, UpstreamRequest } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';
import type { ModernCarrier } from './modern-carrier.js';
import { readModernInfo } from './modern-info.js';
import { ACKNOWLEDGED, withoutSubscription } from './modern-listen-request.js';
import { announcedChanges, ModernListening } from './modern-listening.js';
import { askClient, nextRound, pauseRound, resultOf } from './modern-rounds.js';

type Headers = Readonly<Record<string, string>>;

/** A server that still asks after so many rounds will not stop. */
const ROUNDS_MAX = 10;
/** How often a server is asked whether the user has been at the page it named. */
const VISIT_POLL_MS = 2_000;

export interface ModernConnectionOptions {
  readonly entry: ServerEntry;
  readonly info: UpstreamInfo;
  readonly limits: Limits;
  /** Our own `clientInfo`, raw. */
  readonly clientInfoText: string;
  readonly nextRequestId: () => number;
  readonly onNotification: (message: RpcMessage) => void;
}

/**
 * A server of the modern era (2026-07-28) as the rest of the engine sees any: requests come in legacy form and get their
 * envelope here; replies are put into legacy form, and what the server asks on the way is asked of the client, round by
 * round. A caller that speaks this era itself (`UpstreamRequest.modern`) gets replies as they came, `input_required`
 * included.
 */
export class ModernConnection implements UpstreamConnection {
  readonly stateful: boolean;
  readonly #options: ModernConnectionOptions;
  readonly #carrier: ModernCarrier;
  readonly #listening = new ModernListening();
  #info: UpstreamInfo;
  #closed = false;

  constructor(options: ModernConnectionOptions, makeCarrier: (connection: ModernConnection) => ModernCarrier) {
    this.#options = options;
    this.#info = options.info;
    this.#carrier = makeCarrier(this);
    this.stateful = this.#carrier.stateful;
  }

  /** It renews what it knows by itself; there is no session that could go stale. */
  readonly isLasting = true;

  get info(): UpstreamInfo {
    return this.#info;
  }

  get closed(): boolean {
    return this.#closed;
  }

  request(request: UpstreamRequest, headers: Headers, ownerKey = ''): Promise<RpcMessage> {
    if (this.#closed) {
      return Promise.reject(upstreamError('upstream/session_lost', this.#options.entry, 'the connection is closed'));
    }
    switch (request.method) {
      case 'ping':
        return this.#introduce(request, headers);
      case 'logging/setLevel':
        // Each request says its level by itself.
        return Promise.resolve(emptyReply(request.id));
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return Promise.resolve(this.#watch(request, ownerKey));
      default:
        return request.modern === undefined ? this.#complete(request, headers) : this.#exchange(request, headers);
    }
  }

  send(): void {
    // Notifications of the legacy era (cancelled, progress, roots) have nowhere to go: every request stands alone.
  }

  setListening(listening: boolean): void {
    if (this.#closed) return;
    this.#listening.isWanted = listening;
    this.#listen();
  }

  releaseOwner(ownerKey: string): void {
    this.#listening.release(ownerKey);
    this.#listen();
  }

  async close(): Promise<void> {
    this.markClosed();
    await this.#carrier.close();
  }

  /** Nothing more is sent; for the carrier, when the server or its era is gone. */
  markClosed(): void {
    this.#closed = true;
    this.#carrier.listener.listen(undefined);
  }

  /** A message outside of calls. */
  takeNotification(message: RpcMessage): void {
    if (message.value['method'] !== ACKNOWLEDGED) this.#options.onNotification(withoutSubscription(message));
  }

  /** The listener was deaf for a while: every list may be another one. */
  takeGap(): void {
    for (const method of announcedChanges(this.#info)) {
      const message = readRpcMessage(notificationText(method, undefined));
      if (message !== undefined) this.#options.onNotification(message);
    }
  }

  #exchange(request: UpstreamRequest, credential: Headers): Promise<RpcMessage> {
    const { text, headers } = composeRequest(request.method, request.text, this.#envelope(request), request.mirrored);
    const passed = request.modern?.headers;
    const all = passed === undefined ? headers : { ...without(passed, credential), ...headers };
    return this.#carrier.exchange({ ...request, text }, all, credential);
  }

  #envelope({ client, modern, logLevel }: UpstreamRequest): Parameters<typeof composeRequest>[2] {
    const { clientInfoText } = this.#options;
    const capabilitiesText = client?.capabilities.text ?? '{}';
    if (modern !== undefined) {
      return { capabilitiesText, clientInfoText: modern.clientInfoText ?? clientInfoText, logLevel: modern.logLevel };
    }
    const canLog = this.#info.capabilities['logging'] !== undefined;
    return { capabilitiesText, clientInfoText, logLevel: canLog ? logLevel : undefined };
  }

  async #complete(first: UpstreamRequest, headers: Headers): Promise<RpcMessage> {
    const { entry, limits, nextRequestId } = this.#options;
    const visits = new Map<string, string>();
    const visitedBy = Date.now() + limits.clientAnswerTimeoutMs;
    let request = first;
    for (let round = 0; round < ROUNDS_MAX;) {
      const reply = await this.#exchange(request, headers);
      const kind = resultKind(reply);
      if (kind === 'complete' || kind === 'error') return toLegacyReply(request.method, reply);
      if (kind === 'unknown')
        throw upstreamError('upstream/bad_reply', entry, 'its result is of a type nobody asked for');
      const result = resultOf(reply);
      const answer = await askClient(entry, first.client, result, first.control, visits);
      if (answer.kind === 'refused') return readRpcMessage(errorText(String(first.id), answer.error)) ?? reply;
      if (answer.isOld && Date.now() < visitedBy) await pauseRound(VISIT_POLL_MS, first.control);
      else round += 1;
      request = nextRound(request, nextRequestId(), result, answer.byKey);
    }
    throw upstreamError('upstream/bad_reply', entry, `it asks its client again and again, ${ROUNDS_MAX} times so far`);
  }

  /** A sign of life that also tells what is new. */
  async #introduce(request: UpstreamRequest, headers: Headers): Promise<RpcMessage> {
    const text = requestText(request.id, 'server/discover', undefined);
    const reply = await this.#exchange({ ...request, method: 'server/discover', text }, headers);
    if (resultKind(reply) === 'error') return reply;
    this.#info = readModernInfo(this.#options.entry, reply);
    this.#listen();
    return emptyReply(request.id);
  }

  #watch({ id, method, text }: UpstreamRequest, ownerKey: string): RpcMessage {
    const { params } = JSON.parse(text) as { params?: { uri?: unknown } };
    const uri = params?.uri;
    if (typeof uri !== 'string') return errorReply(id, -32_602, 'params.uri must be a string');
    if (method === 'resources/unsubscribe') this.#listening.unwatch(uri, ownerKey);
    else if (!this.#listening.watch(uri, ownerKey))
      return errorReply(id, -32_603, 'Too many subscriptions with this server');
    this.#listen();
    return emptyReply(id);
  }

  #listen(): void {
    if (!this.#closed) this.#carrier.listener.listen(this.#listening.filter(this.#info));
  }
}

/** What a definition sends always is not for clients to change. */
function without(passed: Headers, written: Headers): Headers {
  return Object.fromEntries(Object.entries(passed).filter(([name]) => !Object.hasOwn(written, name)));
}

function emptyReply(id: number): RpcMessage {
  return asMessage(resultText(String(id), '{}'));
}

function errorReply(id: number, code: number, message: string): RpcMessage {
  return asMessage(errorText(String(id), JSON.stringify({ code, message })));
}

function asMessage(text: string): RpcMessage {
  const message = readRpcMessage(text);
  if (message === undefined) throw new TypeError('a reply is an object');
  return message;
}
