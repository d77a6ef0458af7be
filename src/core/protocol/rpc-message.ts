import { findMember, scanObject, type MemberSpan } from './json-scan.js';

/**
 * One JSON-RPC message, parsed once and kept with its text, so that whatever we do not have to change is forwarded as
 * it came.
 */
export interface RpcMessage {
  readonly text: string;
  /** `JSON.parse(text)`: for looking, not for forwarding. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Members of the message in `text`. */
  readonly members: readonly MemberSpan[];
}

/** A request id as JSON-RPC allows it; `null` is what a reply to an unreadable request carries. */
export type RpcId = string | number | null;

export type RpcShape = 'request' | 'notification' | 'response' | 'invalid';

/** Reads a message. `value` may be given when the text was parsed already. Answers undefined if it is not an object. */
export function readRpcMessage(text: string, value: unknown = JSON.parse(text)): RpcMessage | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return { text, value: value as Record<string, unknown>, members: scanObject(text) };
}

/** What kind of message it is, by JSON-RPC 2.0. Does not look at the `jsonrpc` member. */
export function rpcShape(message: RpcMessage): RpcShape {
  const { method, id } = message.value;
  if (typeof method === 'string') {
    if (!('id' in message.value)) return 'notification';
    return typeof id === 'string' || typeof id === 'number' ? 'request' : 'invalid';
  }
  if (method !== undefined) return 'invalid';
  const answers = 'result' in message.value !== 'error' in message.value;
  return answers && (typeof id === 'string' || typeof id === 'number' || id === null) ? 'response' : 'invalid';
}

/** The text of a top-level member as it came, e.g. `rawMember(message, 'result')`. */
export function rawMember(message: RpcMessage, key: string): string | undefined {
  const span = findMember(message.members, key);
  return span === undefined ? undefined : message.text.slice(span.start, span.end);
}

/** A request around raw params text. `params` undefined leaves the member out. */
export function requestText(id: number, method: string, params: string | undefined): string {
  const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`;
  return params === undefined ? `${head}}` : `${head},"params":${params}}`;
}

/** A notification around raw params text. */
export function notificationText(method: string, params: string | undefined): string {
  const head = `{"jsonrpc":"2.0","method":${JSON.stringify(method)}`;
  return params === undefined ? `${head}}` : `${head},"params":${params}}`;
}

/** A successful reply around raw texts of id and result. */
export function resultText(idText: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"result":${result}}`;
}

/** An error reply around raw texts of id and error object. */
export function errorText(idText: string, error: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":${error}}`;
}
