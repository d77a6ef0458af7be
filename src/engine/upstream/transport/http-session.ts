import type { Limits } from '../../../core/model/limits.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { notificationText, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import { allowsBatches, isLegacyVersion } from '../../../core/protocol/versions.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { HttpExchange, type RequestSigner, type ResponseSink } from '../../../platform/http/http-exchange.js';
import type { HttpTarget } from '../../../platform/http/http-target.js';
import { comesOfModernServer, meansSessionLost, type Refusal } from './http-status.js';
import { deleteHeaders, postHeaders, streamHeaders, type ProtocolHeaders } from './http-headers.js';
import type { ClientInteraction } from '../client-interaction.js';
import { ServerRequests } from '../server-requests.js';
import type { CredentialHeaders } from '../credential/credential-source.js';
import type { CallControl } from '../upstream.js';

/** Longest wait for the answer to a message that gets none but a status. */
const NOTICE_TIMEOUT_MS = 10_000;
const DELETE_TIMEOUT_MS = 2_000;

export interface HttpSessionOptions {
  readonly http: HttpClient;
  readonly entry: ServerEntry;
  readonly target: HttpTarget;
  readonly limits: Limits;
  /** Signs every request, where that is how the gateway introduces itself. */
  readonly sign?: RequestSigner | undefined;
  /** Who is asked what the server wants outside of calls. */
  readonly client: () => ClientInteraction | undefined;
  readonly onNotification: (message: RpcMessage) => void;
}

/** What calls and streams of one streamable HTTP session have in common: where it is, its ids, how to send. */
export class HttpSession implements ProtocolHeaders {
  readonly client: HttpClient;
  readonly entry: ServerEntry;
  readonly limits: Limits;
  readonly onNotification: (message: RpcMessage) => void;
  readonly sign: RequestSigner | undefined;
  readonly #askable: () => ClientInteraction | undefined;
  readonly #serverRequests: ServerRequests;
  target: HttpTarget;
  sessionId: string | undefined;
  protocolVersion: string | undefined;
  /** The upstream said it does not know this session, or wants one that we do not have. */
  lost = false;
  /** Called once, when {@link lost} becomes true. */
  onLost: (() => void) | undefined;
  #headersFor: CredentialHeaders | undefined;
  #headers: readonly string[] = [];

  constructor(options: HttpSessionOptions) {
    this.client = options.http;
    this.entry = options.entry;
    this.limits = options.limits;
    this.sign = options.sign;
    this.#askable = options.client;
    this.#serverRequests = new ServerRequests(options.entry);
    this.onNotification = options.onNotification;
    this.target = options.target;
  }

  /** A stream that ended before its reply may be resumed by GET. */
  readonly mayResume: boolean = true;

  /** Whether a refusal says that the session is over, or that the server speaks another era by now. */
  isLostBy(refusal: Refusal): boolean {
    if (this.protocolVersion === undefined) return false;
    return meansSessionLost(refusal, this.sessionId !== undefined) || comesOfModernServer(refusal);
  }

  get mayBatch(): boolean {
    return isLegacyVersion(this.protocolVersion) && allowsBatches(this.protocolVersion);
  }

  /** After `initialize`: everything from now on carries the version, and the session if there is one. */
  establish(protocolVersion: string, sessionId: string | undefined): void {
    this.protocolVersion = protocolVersion;
    this.sessionId = sessionId;
    this.#headersFor = undefined;
  }

  markLost(): void {
    if (this.lost) return;
    this.lost = true;
    this.onLost?.();
  }

  /** Composed once as long as the same credential object comes, which is the rule. */
  postHeaders(credential: CredentialHeaders): readonly string[] {
    if (this.#headersFor !== credential) {
      this.#headers = postHeaders(this, credential);
      this.#headersFor = credential;
    }
    return this.#headers;
  }

  post(
    text: string,
    credential: CredentialHeaders,
    idleTimeoutMs: number,
    deadlineAt: number,
    sink: ResponseSink,
  ): HttpExchange {
    return HttpExchange.start(
      this.client,
      {
        target: this.target,
        method: 'POST',
        headers: this.postHeaders(credential),
        body: text,
        policy: 'registered',
        sign: this.sign,
        lane: 'call',
        idleTimeoutMs,
        deadlineAt,
      },
      sink,
    );
  }

  stream(
    credential: CredentialHeaders,
    lastEventId: string | undefined,
    idleTimeoutMs: number,
    deadlineAt: number,
    sink: ResponseSink,
  ): HttpExchange {
    return HttpExchange.start(
      this.client,
      {
        target: this.target,
        method: 'GET',
        headers: streamHeaders(this, credential, lastEventId),
        policy: 'registered',
        sign: this.sign,
        lane: 'stream',
        idleTimeoutMs,
        deadlineAt,
      },
      sink,
    );
  }

  /** Sends a message that has no reply; answers the status, or undefined when none came. Never rejects. */
  notice(text: string, credential: CredentialHeaders): Promise<number | undefined> {
    const sink = new StatusSink();
    this.post(text, credential, NOTICE_TIMEOUT_MS, this.client.sweep.now + NOTICE_TIMEOUT_MS, sink);
    return sink.status;
  }

  /** Tells the upstream that nobody waits for this request any more. */
  cancelled(requestId: number, reason: string, credential: CredentialHeaders): void {
    const params = JSON.stringify({ requestId, reason });
    void this.notice(notificationText('notifications/cancelled', params), credential);
  }

  /** A request of the server, in a call of this client or outside of calls: see {@link ServerRequests.take}. */
  takeRequest(
    message: RpcMessage,
    client: ClientInteraction | undefined | 'outside',
    credential: CredentialHeaders,
    onSettled: (control: CallControl) => void,
  ): CallControl | undefined {
    return this.#serverRequests.take(
      message,
      client === 'outside' ? this.#askable() : client,
      (text) => void this.notice(text, credential),
      onSettled,
    );
  }

  /** True when the server withdrew a request of its own. */
  tookCancellation(message: RpcMessage): boolean {
    if (message.value['method'] !== 'notifications/cancelled') return false;
    this.#serverRequests.cancelled(message);
    return true;
  }

  /** The session ends: what the server asked is not answered any more. */
  endRequests(): void {
    this.#serverRequests.end();
  }

  /** Ends the session upstream if there is one; best effort, bounded, never rejects. */
  async end(credential: CredentialHeaders): Promise<void> {
    if (this.sessionId === undefined || this.lost) return;
    const sink = new StatusSink();
    const request = {
      target: this.target,
      method: 'DELETE',
      headers: deleteHeaders(this, credential),
      policy: 'registered',
      sign: this.sign,
      lane: 'call',
      idleTimeoutMs: DELETE_TIMEOUT_MS,
      deadlineAt: this.client.sweep.now + DELETE_TIMEOUT_MS,
    } as const;
    HttpExchange.start(this.client, request, sink);
    await sink.status;
  }
}

/** Wants to know only how a request was received; a body is read to keep the socket, until the deadline at most. */
class StatusSink implements ResponseSink {
  readonly #outcome = Promise.withResolvers<number | undefined>();

  get status(): Promise<number | undefined> {
    return this.#outcome.promise;
  }

  onHead(status: number): void {
    this.#outcome.resolve(status);
  }

  onData(): void {
    // Says nothing here.
  }

  onEnd(): void {
    this.#outcome.resolve(undefined);
  }

  onFailure(): void {
    this.#outcome.resolve(undefined);
  }
}
