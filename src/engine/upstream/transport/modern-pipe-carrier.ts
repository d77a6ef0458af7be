import { notificationText, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import type { UpstreamConnection } from '../connection.js';
import type { UpstreamRequest } from '../upstream.js';
import type { ModernCarrier, ModernListener } from './modern-carrier.js';
import { listenRequest } from './modern-listen-request.js';

type Headers = Readonly<Record<string, string>>;

/** Requests of the modern era on the pipes of a child, which have no headers: told apart by their ids. */
export class ModernPipeCarrier implements ModernCarrier {
  readonly stateful = true;
  readonly listener: ModernListener;

  constructor(
    private readonly pipe: UpstreamConnection,
    nextRequestId: () => number,
    clientInfoText: string,
  ) {
    this.listener = new PipeListener(pipe, nextRequestId, clientInfoText);
  }

  exchange(request: UpstreamRequest, _mirrored: Headers, credential: Headers): Promise<RpcMessage> {
    return this.pipe.request(request, credential);
  }

  close(): Promise<void> {
    return this.pipe.close();
  }
}

/** An open `subscriptions/listen` among the requests of a pipe; its notifications come as any others. */
class PipeListener implements ModernListener {
  #filter: string | undefined;
  #openId: number | undefined;

  constructor(
    private readonly pipe: UpstreamConnection,
    private readonly nextRequestId: () => number,
    private readonly clientInfoText: string,
  ) {}

  listen(filter: string | undefined): void {
    if (filter === this.#filter) return;
    this.#filter = filter;
    const before = this.#openId;
    this.#openId = filter === undefined ? undefined : this.nextRequestId();
    if (filter !== undefined && this.#openId !== undefined) {
      this.pipe.send(listenRequest(this.#openId, filter, this.clientInfoText).text, {});
    }
    if (before !== undefined) {
      this.pipe.send(notificationText('notifications/cancelled', JSON.stringify({ requestId: before })), {});
    }
  }
}
