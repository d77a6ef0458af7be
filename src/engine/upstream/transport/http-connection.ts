import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import { SlotTable } from '../../../platform/http/slot-table.js';
import type { UpstreamConnection } from '../connection.js';
import { ConnectionCredential } from '../credential/connection-credential.js';
import type { CredentialHeaders } from '../credential/credential-source.js';
import type { ResolvedCredential, UpstreamInfo, UpstreamRequest } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';
import { HttpCall } from './http-call.js';
import { HttpListener } from './http-listener.js';
import type { HttpSession } from './http-session.js';

/** An initialised session over streamable HTTP; opened by `openHttpConnection`. */
export class HttpConnection implements UpstreamConnection {
  readonly info: UpstreamInfo;
  readonly stateful: boolean;
  readonly #session: HttpSession;
  readonly #listener: HttpListener;
  readonly #calls = new SlotTable<HttpCall>();
  readonly #onClose: (reason: string) => void;
  readonly #credential: ConnectionCredential;
  #closed = false;

  constructor(
    session: HttpSession,
    info: UpstreamInfo,
    credential: ResolvedCredential,
    onClose: (reason: string) => void,
  ) {
    this.#session = session;
    this.info = info;
    this.stateful = session.sessionId !== undefined;
    this.#credential = new ConnectionCredential(credential);
    this.#onClose = onClose;
    this.#listener = new HttpListener(session, this.#credential);
    session.onLost = () => this.#end('the upstream lost its session');
  }

  get closed(): boolean {
    return this.#closed;
  }

  request(request: UpstreamRequest, headers: CredentialHeaders): Promise<RpcMessage> {
    if (this.#closed) {
      return Promise.reject(upstreamError('upstream/session_lost', this.#session.entry, 'the connection is closed'));
    }
    this.#credential.last = headers;
    return new Promise((resolve, reject) => {
      new HttpCall(this.#session, request, headers, resolve, reject, this.#calls).start();
    });
  }

  send(text: string, headers: CredentialHeaders): void {
    if (this.#closed) return;
    this.#credential.last = headers;
    void this.#session.notice(text, headers);
  }

  setListening(listening: boolean): void {
    if (this.#closed) return;
    if (listening) this.#listener.start();
    else this.#listener.stop();
  }

  listening(): Promise<void> {
    return this.#listener.attempted;
  }

  async close(): Promise<void> {
    const wasClosed = this.#closed;
    this.#end('closed by the gateway');
    for (const call of this.#calls) call.drop();
    if (!wasClosed) await this.#session.end(this.#credential.last);
  }

  /** Each call is an exchange of its own: those that run when a session is lost get their own answer. */
  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.stop();
    this.#session.endRequests();
    this.#onClose(reason);
  }
}
