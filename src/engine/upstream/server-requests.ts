import type { ServerEntry } from '../../core/model/server-entry.js';
import { errorText, rawMember, resultText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import { errorReply, type ClientInteraction, type ClientReply } from './client-interaction.js';
import { ownReplyTo } from './transport/http-server-request.js';
import { CallControl } from './upstream.js';

/** Requests of one upstream session that wait for an answer; more are refused. */
const OPEN_MAX = 256;

interface OpenRequest {
  readonly idText: string;
  readonly control: CallControl;
}

/**
 * What an upstream asks of its client on one session, from the question to the answer under the upstream's own id. Each
 * is answered exactly once, unless the upstream withdraws it or the session ends.
 */
export class ServerRequests {
  readonly #open = new Set<OpenRequest>();

  constructor(private readonly entry: ServerEntry) {}

  /**
   * Takes one request. `send` carries whole messages back. Answers the control of the question while it is open, of which
   * `onSettled` tells the end; undefined when it was answered at once.
   */
  take(
    message: RpcMessage,
    client: ClientInteraction | undefined,
    send: (text: string) => void,
    onSettled: (control: CallControl) => void,
  ): CallControl | undefined {
    const idText = rawMember(message, 'id') ?? 'null';
    const refusal = ownReplyTo(message, client?.capabilities.value ?? {});
    if (refusal !== undefined || client === undefined) {
      client?.onUndeclared?.(String(message.value['method']), rawMember(message, 'params'));
      send(refusal ?? errorText(idText, errorReply(-32603, 'No client can be asked').text));
      return undefined;
    }
    if (this.#open.size >= OPEN_MAX) {
      send(errorText(idText, errorReply(-32603, `At most ${OPEN_MAX} requests may wait for an answer`).text));
      return undefined;
    }
    const open: OpenRequest = { idText, control: new CallControl() };
    this.#open.add(open);
    void this.#ask(message, client, open, send).finally(() => onSettled(open.control));
    return open.control;
  }

  /** `notifications/cancelled` of the upstream: it does not want the answer any more. */
  cancelled(message: RpcMessage): void {
    const params = rawMember(message, 'params');
    if (params?.startsWith('{') !== true) return;
    const span = findMember(scanObject(params), 'requestId');
    const idText = span === undefined ? undefined : params.slice(span.start, span.end);
    for (const open of this.#open) {
      if (open.idText !== idText) continue;
      this.#open.delete(open);
      open.control.cancel();
      return;
    }
  }

  /** The session is over: nobody waits for answers any more. */
  end(): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const { control } of open) control.cancel();
  }

  async #ask(
    message: RpcMessage,
    client: ClientInteraction,
    open: OpenRequest,
    send: (text: string) => void,
  ): Promise<void> {
    let reply: ClientReply;
    try {
      const { entry } = this;
      const method = String(message.value['method']);
      reply = await client.ask({ entry, method, params: rawMember(message, 'params'), notify: send }, open.control);
    } catch {
      // A bug behind one question; whoever asked must not wait for it.
      reply = errorReply(-32603, 'The client could not be asked');
    }
    if (!this.#open.delete(open)) return;
    send((reply.kind === 'result' ? resultText : errorText)(open.idText, reply.text));
  }
}
