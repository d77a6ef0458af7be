import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { findMember, scanObject } from '../../../core/protocol/json-scan.js';
import { declares, neededCapability } from '../../../core/protocol/modern/input-required.js';
import { isUrlElicitation } from '../../../core/protocol/modern/legacy-question.js';
import { withMembersSet, withoutMembers } from '../../../core/protocol/modern/object-text.js';
import { rawMember, requestText, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import type { ClientInteraction, ClientReply } from '../client-interaction.js';
import { CallControl, type UpstreamRequest } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';

/** Questions a server may have in one round. */
const QUESTIONS_MAX = 32;
const ROUND_MEMBERS: ReadonlySet<string> = new Set(['inputResponses', 'requestState']);

/** What the client said to the questions of one round. */
export type RoundAnswer =
  | {
      readonly kind: 'answers';
      readonly byKey: ReadonlyMap<string, string>;
      /** All of them were given before: the user is still at the page. */
      readonly isOld: boolean;
    }
  /** The client refused one; its raw error object. */
  | { readonly kind: 'refused'; readonly error: string };

interface Question {
  readonly key: string;
  readonly method: string;
  readonly params: string | undefined;
}

/**
 * Puts the questions of an `input_required` to the client (2026-07-28, "Multi Round-Trip Requests"), all at once. Throws
 * `rpc/missing_capability` when the client never said it could answer such a thing, `upstream/bad_reply` when they cannot be
 * read, `call/cancelled` when the call ended meanwhile. `visits` holds answers about pages to visit, which are not asked for
 * twice: the server goes on asking until the user has been there.
 */
export async function askClient(
  entry: ServerEntry,
  client: ClientInteraction | undefined,
  result: string,
  control: CallControl | undefined,
  visits: Map<string, string>,
): Promise<RoundAnswer> {
  const questions = readQuestions(entry, result);
  for (const { method, params } of questions) requireCapability(client, method, params);
  const byKey = new Map<string, string>();
  if (questions.length === 0 || client === undefined) return { kind: 'answers', byKey, isOld: false };

  const asking = new CallControl();
  control?.onEnd(() => asking.cancel());
  let isOld = true;
  let replies: readonly ClientReply[];
  try {
    replies = await Promise.all(
      questions.map(async ({ method, params }) => {
        const visit = params === undefined ? undefined : visits.get(params);
        if (visit !== undefined) return { kind: 'result', text: visit } as const;
        isOld = false;
        return await client.ask({ entry, method, params, notify: () => undefined }, asking);
      }),
    );
  } finally {
    control?.onEnd(undefined);
  }
  if (control?.reason !== undefined) throw new GatewayError('call/cancelled');
  for (const [index, { key, method, params }] of questions.entries()) {
    const reply = replies[index];
    if (reply === undefined) continue;
    if (reply.kind === 'error') return { kind: 'refused', error: reply.text };
    byKey.set(key, reply.text);
    if (isUrlElicitation(method, params)) visits.set(params, reply.text);
  }
  return { kind: 'answers', byKey, isOld };
}

/** The same request again, under a new id, with the answers and the state exactly as the server wrote it. */
export function nextRound(
  request: UpstreamRequest,
  id: number,
  result: string,
  answers: ReadonlyMap<string, string>,
): UpstreamRequest {
  const before = request.text;
  const span = findMember(scanObject(before), 'params');
  const given = span === undefined ? '{}' : withoutMembers(before.slice(span.start, span.end), ROUND_MEMBERS);
  const set = new Map<string, string>();
  if (answers.size > 0) {
    const members = [...answers].map(([key, answer]) => `${JSON.stringify(key)}:${answer}`);
    set.set('inputResponses', `{${members.join(',')}}`);
  }
  const state = findMember(scanObject(result), 'requestState');
  if (state !== undefined) set.set('requestState', result.slice(state.start, state.end));
  const meta = metaWithToken(given, id);
  if (meta !== undefined) set.set('_meta', meta);
  return { ...request, id, text: requestText(id, request.method, withMembersSet(given, set)) };
}

/** Progress of this round comes under its own id: a token may be used once. */
function metaWithToken(params: string, id: number): string | undefined {
  const meta = findMember(scanObject(params), '_meta');
  if (meta === undefined || params.charCodeAt(meta.start) !== 0x7b) return undefined;
  const text = params.slice(meta.start, meta.end);
  const members = scanObject(text);
  if (findMember(members, 'progressToken') === undefined) return undefined;
  return withMembersSet(text, new Map([['progressToken', String(id)]]), members);
}

function readQuestions(entry: ServerEntry, result: string): readonly Question[] {
  const requests = findMember(scanObject(result), 'inputRequests');
  if (requests === undefined) return [];
  if (result.charCodeAt(requests.start) !== 0x7b) throw unreadable(entry);
  const members = scanObject(result, requests.start);
  if (members.length > QUESTIONS_MAX) throw unreadable(entry);
  return members.map(({ key, start, end }) => {
    if (result.charCodeAt(start) !== 0x7b) throw unreadable(entry);
    const text = result.slice(start, end);
    const { method } = JSON.parse(text) as { method?: unknown };
    if (typeof method !== 'string') throw unreadable(entry);
    const params = findMember(scanObject(text), 'params');
    return { key, method, params: params === undefined ? undefined : text.slice(params.start, params.end) };
  });
}

function requireCapability(client: ClientInteraction | undefined, method: string, params: string | undefined): void {
  const needed = neededCapability(method, params === undefined ? undefined : JSON.parse(params));
  if (needed !== undefined && client !== undefined && declares(client.capabilities.value, needed)) return;
  throw new GatewayError('rpc/missing_capability', {
    detail: `the server asks for ${method.slice(0, 80)}`,
    data: { requiredCapabilities: needed ?? {} },
  });
}

function unreadable(entry: ServerEntry): GatewayError {
  return upstreamError('upstream/bad_reply', entry, 'what it asks the client cannot be read');
}

/** The raw result of a reply that has one. */
export function resultOf(reply: RpcMessage): string {
  return rawMember(reply, 'result') ?? '{}';
}

/** Waits between two rounds, unless the call ends. Throws `call/cancelled`. */
export async function pauseRound(spanMs: number, control: CallControl | undefined): Promise<void> {
  const ended = new AbortController();
  control?.onEnd(() => ended.abort());
  try {
    await delay(spanMs, undefined, { signal: ended.signal, ref: false });
  } catch {
    throw new GatewayError('call/cancelled');
  } finally {
    control?.onEnd(undefined);
  }
}
