import { composeRequest, type ComposedRequest } from '../../../core/protocol/modern/compose-request.js';
import { META } from '../../../core/protocol/modern/meta-keys.js';
import { withoutMembers } from '../../../core/protocol/modern/object-text.js';
import { findMember, scanObject } from '../../../core/protocol/json-scan.js';
import { readRpcMessage, requestText, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import { splice } from '../../../core/protocol/splice.js';

export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

const SUBSCRIPTION: ReadonlySet<string> = new Set([META.subscriptionId]);

/** `subscriptions/listen` for a raw filter, of the gateway itself: what changed is for many clients. */
export function listenRequest(id: number, filter: string, clientInfoText: string): ComposedRequest {
  const text = requestText(id, 'subscriptions/listen', `{"notifications":${filter}}`);
  return composeRequest('subscriptions/listen', text, { capabilitiesText: '{}', clientInfoText, logLevel: undefined });
}

/** A notification without the key of our subscription, which means nothing to anybody else. */
export function withoutSubscription(message: RpcMessage): RpcMessage {
  const params = findMember(message.members, 'params');
  if (params === undefined || message.text.charCodeAt(params.start) !== 0x7b) return message;
  const meta = findMember(scanObject(message.text, params.start), '_meta');
  if (meta === undefined || message.text.charCodeAt(meta.start) !== 0x7b) return message;
  const kept = withoutMembers(message.text.slice(meta.start, meta.end), SUBSCRIPTION);
  return readRpcMessage(splice(message.text, [{ start: meta.start, end: meta.end, with: kept }])) ?? message;
}
