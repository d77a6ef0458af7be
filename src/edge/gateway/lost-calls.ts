import { GatewayError } from '../../core/errors/gateway-error.js';
import { rpcErrorReply } from './render-error.js';

/**
 * The reply, or for a batch the replies, to the requests in a body whose serving process is gone; undefined when there are
 * none.
 */
export function lostCallReplies(body: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Nobody can have served it.
    return undefined;
  }
  const error = new GatewayError('call/lost', { detail: 'the process that served it is gone' });
  const replies = (Array.isArray(parsed) ? parsed : [parsed]).flatMap((message: unknown) => {
    const { id, method } = (message ?? {}) as { id?: unknown; method?: unknown };
    if (typeof method !== 'string' || (typeof id !== 'string' && typeof id !== 'number')) return [];
    return [rpcErrorReply(error, JSON.stringify(id), '')];
  });
  if (replies.length === 0) return undefined;
  return Array.isArray(parsed) ? `[${replies.join(',')}]` : replies[0];
}
