import { findMember, scanObject } from '../json-scan.js';
import { rawMember, readRpcMessage, type RpcMessage } from '../rpc-message.js';
import { splice } from '../splice.js';
import { withoutMembers } from './object-text.js';

/** What a result of the modern era turned out to be. */
export type ResultKind = 'complete' | 'input_required' | 'error' | 'unknown';

/** Absent is complete, as servers of before answered; what is not known is invalid (2026-07-28, "Results"). */
export function resultKind(reply: RpcMessage): ResultKind {
  const { result } = reply.value;
  if (result === undefined) return 'error';
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return 'unknown';
  const { resultType } = result as { resultType?: unknown };
  if (resultType === undefined || resultType === 'complete') return 'complete';
  return resultType === 'input_required' ? 'input_required' : 'unknown';
}

const RESULT_TYPE: ReadonlySet<string> = new Set(['resultType']);
const READ_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);
const INVALID_PARAMS = -32_602;
const RESOURCE_NOT_FOUND = '-32002';

/**
 * A complete reply of a modern server in the form of the legacy era: without `resultType`, and for a read without the
 * hints for caches; a resource that is not there is −32002 again (2026-07-28, "Error Codes"). Everything else stays as it
 * came. Lists keep their hints: whoever asked for one wants them.
 */
export function toLegacyReply(method: string, reply: RpcMessage): RpcMessage {
  const span = findMember(reply.members, 'result');
  if (span === undefined) return method === 'resources/read' ? withLegacyCode(reply) : reply;
  const result = reply.text.slice(span.start, span.end);
  const kept = withoutMembers(result, method === 'resources/read' ? READ_MEMBERS : RESULT_TYPE);
  return kept === result ? reply : replaced(reply, span.start, span.end, kept);
}

function withLegacyCode(reply: RpcMessage): RpcMessage {
  const error = rawMember(reply, 'error');
  const value = reply.value['error'] as { code?: unknown; message?: unknown; data?: { uri?: unknown } } | undefined;
  if (error?.startsWith('{') !== true || value?.code !== INVALID_PARAMS) return reply;
  const says = typeof value.data?.uri === 'string' || /not found|unknown resource/i.test(String(value.message));
  const span = findMember(reply.members, 'error');
  const code = findMember(scanObject(error), 'code');
  if (!says || span === undefined || code === undefined) return reply;
  return replaced(reply, span.start + code.start, span.start + code.end, RESOURCE_NOT_FOUND);
}

function replaced(reply: RpcMessage, start: number, end: number, value: string): RpcMessage {
  return readRpcMessage(splice(reply.text, [{ start, end, with: value }])) ?? reply;
}
