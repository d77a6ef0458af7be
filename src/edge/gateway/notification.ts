import { rawMember, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import type { Engine } from './method/forward.js';
import type { ClientSession } from '../../engine/session/client-session.js';

/**
 * A notification of the client. `notifications/cancelled` withdraws a running call of the same session, progress is
 * about something that an upstream asked, changed roots are news for every upstream of the session; others have nothing
 * to tell the gateway and are accepted, as JSON-RPC asks.
 */
export function handleNotification(engine: Engine, session: ClientSession | undefined, message: RpcMessage): void {
  if (session === undefined) return;
  switch (message.value['method']) {
    case 'notifications/cancelled':
      cancelCall(session, message);
      return;
    case 'notifications/progress':
      session.questions.progress(message);
      return;
    case 'notifications/roots/list_changed':
      for (const entry of engine.upstreams.connectedServers(session.key)) {
        engine.upstreams.notify(entry, session, 'notifications/roots/list_changed', rawMember(message, 'params'));
      }
      return;
    default:
      return;
  }
}

function cancelCall(session: ClientSession, message: RpcMessage): void {
  const params = rawMember(message, 'params');
  if (params?.startsWith('{') !== true) return;
  const id = findMember(scanObject(params), 'requestId');
  if (id !== undefined) session.calls.get(params.slice(id.start, id.end))?.cancel();
}
