import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerView } from '../../../core/model/access-view.js';
import { findMember, scanArray, scanObject } from '../../../core/protocol/json-scan.js';
import { readParams, type RequestParams } from '../../../core/protocol/request-params.js';
import { relinkResult } from '../../../engine/catalog/relink-result.js';
import type { Answer, Call } from '../call.js';
import { forward, requireParams, requireString, type Engine } from './forward.js';

/** `tasks/result` answers when the task is done: silence until then is its nature. */
const RESULT_WAIT_MS = 3_600_000;

/** `tasks/get`, `tasks/result`, `tasks/cancel`: go to the server that has the task. */
export async function oneTask(engine: Engine, call: Call): Promise<Answer> {
  const params = requireParams(call);
  const target = engine.sessions.tasks.open(requireString(params, 'taskId'), call.principal.id);
  const server = target === undefined ? undefined : call.view.byServerId.get(target.serverId);
  if (target === undefined || server === undefined) {
    throw new GatewayError('rpc/invalid_params', { detail: 'Failed to retrieve task: Task not found' });
  }
  const answer = await forward(engine, call, {
    server,
    params,
    replace: { taskId: JSON.stringify(target.taskId) },
    repeatable: call.method !== 'tasks/cancel',
    target: target.taskId,
    ...(call.method === 'tasks/result' ? { idleTimeoutMs: RESULT_WAIT_MS } : {}),
  });
  if (answer.kind === 'error') return answer;
  return await relinkResult(engine.catalog, call, server, taskAnswer(engine, call, server, answer));
}

/** An answer with the server's task ids replaced by handles. */
export function taskAnswer(engine: Engine, call: Call, server: ServerView, answer: Answer): Answer {
  if (answer.kind === 'error') return answer;
  return { ...answer, text: engine.sessions.tasks.toClient(answer.text, server.entry, call.principal.id) };
}

/** `tasks/list`: a page of every server that lists tasks, together. */
export async function listTasks(engine: Engine, call: Call): Promise<Answer> {
  const { tasks } = engine.sessions;
  const params = readParams(call.message);
  const cursor = params === undefined || params === 'invalid' ? undefined : params.value['cursor'];
  const from = typeof cursor === 'string' ? tasks.readCursor(cursor, call.principal.id) : undefined;
  if (cursor !== undefined && from === undefined) {
    throw new GatewayError('rpc/invalid_params', { detail: 'params.cursor must be a cursor of an earlier page' });
  }
  const asked = call.view.servers.filter(({ entry }) =>
    from === undefined ? listsTasks(engine, call, entry) : from.has(entry.id),
  );
  const pages = await Promise.allSettled(
    asked.map((server) => {
      const at = from?.get(server.entry.id);
      return forward(engine, call, {
        server,
        params: paramsOf(at === undefined ? {} : { cursor: at }),
        replace: {},
        repeatable: true,
        target: '',
      });
    }),
  );
  const items: string[] = [];
  const next = new Map<string, string>();
  let answered = 0;
  asked.forEach((server, index) => {
    const page = pages[index];
    if (page?.status !== 'fulfilled' || page.value.kind === 'error') return;
    answered += 1;
    const { text } = taskAnswer(engine, call, server, page.value);
    const list = findMember(scanObject(text), 'tasks');
    if (list !== undefined && text.charAt(list.start) === '[') {
      for (const { start, end } of scanArray(text, list.start)) items.push(text.slice(start, end));
    }
    const { nextCursor } = JSON.parse(text) as { nextCursor?: unknown };
    if (typeof nextCursor === 'string') next.set(server.entry.id, nextCursor);
  });
  const failed = pages.find((page) => page.status === 'rejected');
  if (answered === 0 && failed !== undefined) throw failed.reason;
  const goesOn = next.size === 0 ? '' : `,"nextCursor":${JSON.stringify(tasks.writeCursor(next, call.principal.id))}`;
  return { kind: 'result', text: `{"tasks":[${items.join(',')}]${goesOn}}` };
}

function listsTasks(engine: Engine, call: Call, entry: ServerView['entry']): boolean {
  const credential = engine.upstreams.resolveCredential(entry, call.offer);
  const tasks = engine.upstreams.knownInfo(entry, credential)?.capabilities['tasks'];
  return typeof tasks === 'object' && tasks !== null && 'list' in tasks;
}

function paramsOf(value: Record<string, unknown>): RequestParams {
  const text = JSON.stringify(value);
  return { text, value, members: scanObject(text) };
}
