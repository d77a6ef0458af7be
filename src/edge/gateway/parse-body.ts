import { GatewayError } from '../../core/errors/gateway-error.js';
import { duplicateKey, nestsDeeperThan, scanArray } from '../../core/protocol/json-scan.js';
import { readRpcMessage, type RpcMessage } from '../../core/protocol/rpc-message.js';

/** Messages accepted in one batch. */
const BATCH_MAX = 100;
/** Texts shorter than this cannot nest deeply enough to be looked at. */
const SHALLOW_CHARS = 128;

/** A POST body: one message, or the messages of a batch. */
export type ParsedBody =
  | { readonly kind: 'single'; readonly message: RpcMessage }
  | { readonly kind: 'batch'; readonly messages: readonly RpcMessage[] };

/** Parses the text once and finds the messages in it. Throws `rpc/parse_error` or `rpc/invalid_request`. */
export function parseBody(text: string, depthMax: number): ParsedBody {
  if (text.length > SHALLOW_CHARS && nestsDeeperThan(text, depthMax)) {
    throw new GatewayError('rpc/invalid_request', { detail: `nested deeper than ${depthMax} (limits.json_depth)` });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GatewayError('rpc/parse_error', { detail: 'the body is not valid JSON', cause });
  }
  if (!Array.isArray(value)) return { kind: 'single', message: toMessage(text, value) };
  if (value.length === 0 || value.length > BATCH_MAX) {
    throw new GatewayError('rpc/invalid_request', { detail: `a batch has 1 to ${BATCH_MAX} messages` });
  }
  const messages = scanArray(text).map((span, index) => toMessage(text.slice(span.start, span.end), value[index]));
  return { kind: 'batch', messages };
}

/** Two parsers would read two different messages from repeated members, so such a message is refused. */
function toMessage(text: string, value: unknown): RpcMessage {
  const message = readRpcMessage(text, value);
  if (message === undefined) throw new GatewayError('rpc/invalid_request', { detail: 'a message is an object' });
  const repeated = duplicateKey(message.members);
  if (repeated !== undefined)
    throw new GatewayError('rpc/invalid_request', { detail: `member ${repeated} is repeated` });
  return message;
}
