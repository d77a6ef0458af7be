import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import type { ClientInteraction, ClientReply, ServerRequest } from '../../engine/upstream/client-interaction.js';
import type { CallControl } from '../../engine/upstream/upstream.js';
import type { Exchange } from './exchange.js';

/** The client of a session in the middle of one of its calls: asked on the stream of that call, if it can read one. */
export class InCallClient implements ClientInteraction {
  constructor(
    private readonly session: ClientSession,
    private readonly exchange: Exchange,
  ) {}

  get key(): string {
    return this.session.key;
  }

  get capabilities(): ClientCapabilities {
    return this.session.capabilities;
  }

  ask(request: ServerRequest, control: CallControl): Promise<ClientReply> {
    if (!this.exchange.canStream) return this.session.ask(request, control);
    return this.session.askBy(request, control, (text) => {
      if (!this.exchange.canStream) return 'impossible';
      void this.exchange.emit(text);
      return 'sent';
    });
  }
}
