import { GatewayError } from '../../core/errors/gateway-error.js';
import { isClientMethod } from '../../core/protocol/client-methods.js';
import { rawMember, rpcShape, type RpcMessage } from '../../core/protocol/rpc-message.js';

/** What a message is to us, after the leniency of contract §3. */
export type Envelope =
  | { readonly kind: 'request'; readonly idText: string }
  | { readonly kind: 'notification' }
  | { readonly kind: 'response' };

/**
 * Reads the envelope. A known method with neither `jsonrpc` nor `id` is a request answered with `id: null`, since the
 * documentation of this field calls it so. Throws `rpc/invalid_request` for anything else that is not JSON-RPC 2.0.
 */
export function readEnvelope(message: RpcMessage): Envelope {
  const { jsonrpc, method } = message.value;
  if (jsonrpc === undefined && !('id' in message.value) && isClientMethod(method))
    return { kind: 'request', idText: 'null' };
  if (jsonrpc !== '2.0') throw new GatewayError('rpc/invalid_request', { detail: 'jsonrpc must be "2.0"' });
  const shape = rpcShape(message);
  switch (shape) {
    case 'request':
      return { kind: 'request', idText: rawMember(message, 'id') ?? 'null' };
    case 'notification':
    case 'response':
      return { kind: shape };
    case 'invalid':
      throw new GatewayError('rpc/invalid_request', { detail: 'not a request, notification or response' });
  }
}
