import { declares, neededCapability } from '../../../core/protocol/modern/input-required.js';
import { errorText, rawMember, resultText, type RpcMessage } from '../../../core/protocol/rpc-message.js';

/** Which capability a client must have claimed to be asked such a thing (protocol page §1.2). */
const NEEDED_CAPABILITY: Readonly<Record<string, string>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
  // Of what a server asked for as a task. Not tasks/list: it would show what other servers asked.
  'tasks/get': 'tasks',
  'tasks/result': 'tasks',
  'tasks/cancel': 'tasks',
};

/**
 * The reply that a request of the server gets from the gateway itself: `ping` is answered, and whatever the client
 * claimed no capability for is refused, so that no server waits for somebody who will not come. Undefined: the request
 * is for the client.
 */
export function ownReplyTo(
  request: RpcMessage,
  clientCapabilities: Readonly<Record<string, unknown>>,
): string | undefined {
  const id = rawMember(request, 'id') ?? 'null';
  const method = String(request.value['method']);
  if (method === 'ping') return resultText(id, '{}');
  const needed = NEEDED_CAPABILITY[method];
  if (needed === undefined || clientCapabilities[needed] === undefined) {
    return errorText(id, '{"code":-32601,"message":"Method not found"}');
  }
  // What a client can be asked has parts: forms and pages, models with tools and without.
  const parts = neededCapability(method, request.value['params']);
  if (parts === undefined || declares(clientCapabilities, parts)) return undefined;
  const message = `The client did not declare what ${method} asks of it: ${JSON.stringify(parts)}`;
  return errorText(id, JSON.stringify({ code: -32602, message }));
}
