import { rawMember, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import type { ClientSession } from '../../engine/session/client-session.js';

/**
 * A notification of the client. `notifications/cancelled` withdraws a running call of the same session; others have
 * nothing to tell the gateway and are accepted, as JSON-RPC asks.
 */
export function handleNotification(session: ClientSession | undefined, message: RpcMessage): void {
  if (message.value['method'] !== 'notifications/cancelled') return;
  const params = rawMember(message, 'params');
  if (session === undefined || params?.startsWith('{') !== true) return;
  const id = findMember(scanObject(params), 'requestId');
  if (id !== undefined) session.calls.get(params.slice(id.start, id.end))?.cancel();
}
