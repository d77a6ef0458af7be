import type { GatewayError } from '../../core/errors/gateway-error.js';
import { inputRequiredResult, type InputRequest } from '../../core/protocol/modern/input-required.js';
import { toModernCode, toModernError } from '../../core/protocol/modern/modern-error.js';
import { CACHEABLE } from '../../core/protocol/modern/modern-methods.js';
import {
  NO_CACHING,
  toModernResult,
  withoutExecution,
  type CacheHints,
} from '../../core/protocol/modern/modern-result.js';
import { withMembersSet } from '../../core/protocol/modern/object-text.js';
import { PRODUCT } from '../../core/protocol/product.js';
import { errorText, resultText } from '../../core/protocol/rpc-message.js';
import { statusOnMcp } from './render-error.js';

/** Who answers a modern client, as JSON. */
export const SERVER_INFO = JSON.stringify({ name: PRODUCT.name, title: PRODUCT.title, version: PRODUCT.version });

/** Lists that were written lately, by what they were written from: pages are the same text while nothing changes. */
const LISTS_MAX = 32;
const LIST_CHARS_MIN = 4_096;
const lists = new Map<string, string>();

/** A complete result; with hints for caches, the least there are by default, where the method has them. */
export function modernResultReply(idText: string, method: string, result: string, hints = NO_CACHING): string {
  if (!result.startsWith('{')) return resultText(idText, result);
  if (method.endsWith('/list')) return resultText(idText, withHints(modernList(method, result), hints));
  return resultText(idText, toModernResult(result, SERVER_INFO, CACHEABLE.has(method) ? hints : undefined));
}

/** Hints change from one moment to the next, lists do not. */
function withHints(list: string, { ttlMs, cacheScope }: CacheHints): string {
  return `${list.slice(0, -1)},"ttlMs":${ttlMs},"cacheScope":"${cacheScope}"}`;
}

function modernList(method: string, result: string): string {
  const known = lists.get(result);
  if (known !== undefined) return known;
  const text = toModernResult(method === 'tools/list' ? withoutExecution(result) : result, SERVER_INFO, undefined);
  if (result.length >= LIST_CHARS_MIN) {
    for (const oldest of lists.keys()) {
      if (lists.size < LISTS_MAX) break;
      lists.delete(oldest);
    }
    lists.set(result, text);
  }
  return text;
}

/** An upstream's own `input_required`, with what the gateway makes of its state. */
export function passedInputReply(idText: string, result: string, requestState: string | undefined): string {
  const set = new Map(requestState === undefined ? [] : [['requestState', JSON.stringify(requestState)]]);
  return resultText(idText, withMembersSet(result, set));
}

export function inputRequiredReply(idText: string, requests: readonly InputRequest[], requestState: string): string {
  return resultText(idText, inputRequiredResult(requests, requestState, SERVER_INFO));
}

/** An upstream's error by its raw text, or one of the gateway's own. */
export function modernErrorReply(idText: string, error: string | GatewayError, callId = ''): string {
  if (typeof error === 'string') return errorText(idText, toModernError(error));
  const data = error.code === 'internal/bug' ? { callId } : error.data;
  return errorText(
    idText,
    JSON.stringify({
      code: toModernCode(error.kind.rpcCode),
      message: error.publicMessage,
      ...(data === undefined ? {} : { data }),
    }),
  );
}

const STATUSES: ReadonlySet<string> = new Set([
  'rpc/invalid_envelope',
  'rpc/header_mismatch',
  'rpc/missing_capability',
  'rpc/unknown_version',
  'rpc/method_not_found',
]);

/** Status of the HTTP answer: that of the table where this revision gives the error one. */
export function statusOnModern(error: GatewayError | undefined): number {
  if (error === undefined) return 200;
  return STATUSES.has(error.code) ? error.kind.status : statusOnMcp(error);
}
