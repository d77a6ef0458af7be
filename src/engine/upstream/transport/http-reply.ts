import { scanArray } from '../../../core/protocol/json-scan.js';
import { readRpcMessage, type RpcMessage } from '../../../core/protocol/rpc-message.js';

/**
 * The messages of a JSON body or of one event: one, or several in a revision with batches. Undefined when the text is
 * not JSON or holds anything but JSON objects.
 */
export function readReplyMessages(text: string, mayBeBatch: boolean): readonly RpcMessage[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) {
    const message = readRpcMessage(text, value);
    return message === undefined ? undefined : [message];
  }
  if (!mayBeBatch) return undefined;
  const messages: RpcMessage[] = [];
  for (const { start, end } of scanArray(text)) {
    const message = readRpcMessage(text.slice(start, end));
    if (message === undefined) return undefined;
    messages.push(message);
  }
  return messages;
}

/** Whether a response is the one to our request. Some servers answer a number as its digits; every SDK forgives that. */
export function answersRequest(message: RpcMessage, id: number): boolean {
  const answered = message.value['id'];
  return answered === id || answered === String(id);
}
