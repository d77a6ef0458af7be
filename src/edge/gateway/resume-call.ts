import { GatewayError } from '../../core/errors/gateway-error.js';
import { errorText } from '../../core/protocol/rpc-message.js';
import type { ResumableStream } from '../../engine/session/resumable-stream.js';
import { EventStream } from './event-stream.js';
import { rpcErrorObject } from './render-error.js';
import type { Admitted } from './streamable-door.js';

/** The client of a call comes back to its stream: it gets what it missed, and what is still to come. */
export function resumeCall(
  { response, headers, currentView }: Admitted,
  { stream, after }: { readonly stream: ResumableStream; readonly after: number },
): void {
  const events = new EventStream(response, headers);
  response.once('close', () => stream.detach(events));
  stream.attach(events, after, (entry) => currentView()?.byServerId.has(entry.id) === true);
}

/** Nothing is known of that call any more: its client must not wait for a reply that will not come. */
export function answerLostCall({ response, headers }: Admitted, idText: string | undefined): void {
  if (idText === undefined) throw new GatewayError('session/unknown', { detail: 'nothing is kept of that stream' });
  const events = new EventStream(response, headers);
  const error = new GatewayError('call/lost');
  void events.write(errorText(idText, rpcErrorObject(error, '')));
  events.end();
}
