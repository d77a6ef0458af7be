import { nestsDeeperThan, scanArray } from '../../../core/protocol/json-scan.js';
import { readRpcMessage, type RpcMessage } from '../../../core/protocol/rpc-message.js';

/** `JSON.parse` takes about a microsecond for each level of nesting: harmless in short texts, seconds in long ones. */
const NESTING_MAX = 1_000;
const DEEP_CHARS_MIN = 16 * 1024;

/** Whether a text is not to be parsed, because that would hold up everybody else. */
export function nestsTooDeep(text: string): boolean {
  return text.length > DEEP_CHARS_MIN && nestsDeeperThan(text, NESTING_MAX);
}

/** What is wrong with a text that {@link readReplyMessages} does not read. */
export function replyProblem(text: string): string {
  return nestsTooDeep(text) ? `nests deeper than ${NESTING_MAX} levels` : 'is not a JSON-RPC message';
}

/**
 * The messages of a JSON body or of one event: one, or several in a revision with batches. Undefined when the text is
 * not JSON, holds anything but JSON objects, or {@link nestsTooDeep}.
 */
export function readReplyMessages(text: string, mayBeBatch: boolean): readonly RpcMessage[] | undefined {
  if (nestsTooDeep(text)) return undefined;
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
