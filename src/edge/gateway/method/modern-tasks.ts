import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerView } from '../../../core/model/access-view.js';
import type { Place } from '../../../core/model/place.js';
import { findMember, scanObject } from '../../../core/protocol/json-scan.js';
import { inputRequestsText, readRoundInput } from '../../../core/protocol/modern/input-required.js';
import { errorCode, toModernError } from '../../../core/protocol/modern/modern-error.js';
import { readResultFacts } from '../../../core/protocol/modern/modern-result.js';
import { isModernVersion } from '../../../core/protocol/modern/modern-version.js';
import { withMembersSet, withoutMembers } from '../../../core/protocol/modern/object-text.js';
import { takesToolTasks, TASKS_REQUIRED, toModernTask } from '../../../core/protocol/modern/tasks-extension.js';
import { requestText } from '../../../core/protocol/rpc-message.js';
import { readParams, type RequestParams } from '../../../core/protocol/request-params.js';
import { mapTaskIds, withoutRelatedTask } from '../../../core/protocol/task-ids.js';
import type { ListItem } from '../../../engine/catalog/list-item.js';
import { relinkResult } from '../../../engine/catalog/relink-result.js';
import { taskSupportOf } from '../../../engine/catalog/task-support.js';
import type { TaskTarget } from '../../../engine/session/task-handles.js';
import type { Answer, Call } from '../call.js';
import type { TaskWatch } from '../modern-task-watches.js';
import { forward, requireParams, requireString, type Engine, type Forwarding } from './forward.js';

/** How long a look at a task waits for the question that the server says it has. */
const QUESTION_WAIT_MS = 1_000;
/** A task may keep its client waiting for its result, silently. */
const RESULT_WAIT_MS = 3_600_000;
const INVALID_PARAMS = -32_602;
const NOTHING: Answer = { kind: 'result', text: '{}' };
const LEGACY_TASK: ReadonlySet<string> = new Set(['task']);

/**
 * Params of a `tools/call` of a modern client, which says nothing of tasks: a server of 2025-11-25 is asked for one where
 * its tool takes that and the client declared the extension, for then the server decides (SEP-2663). Throws
 * `rpc/missing_capability` where the tool takes nothing else.
 */
export async function withTask(
  engine: Engine,
  call: Call,
  server: ServerView,
  tool: ListItem,
  given: RequestParams,
): Promise<RequestParams> {
  const support = taskSupportOf(tool);
  if (call.modern === undefined || (support === undefined && given.value['task'] === undefined)) return given;
  const { entry } = server;
  const info = await engine.upstreams.info(entry, engine.upstreams.resolveCredential(entry, call.offer), call.owner);
  if (isModernVersion(info.protocolVersion)) return given;
  const takesTasks = support !== undefined && takesToolTasks(info.capabilities);
  if (takesTasks && call.modern.tasks !== undefined) return withParams(given, withMembersSet(given.text, TASK_ASKED));
  if (takesTasks && support === 'required') throw tasksRequired(call.method);
  return withParams(given, withoutMembers(given.text, LEGACY_TASK));
}

const COMPLETE: ReadonlyMap<string, string> = new Map([['resultType', '"complete"']]);
const TASK_ASKED: ReadonlyMap<string, string> = new Map([['task', '{}']]);

export function tasksRequired(detail: string): GatewayError {
  return new GatewayError('rpc/missing_capability', { detail, data: { requiredCapabilities: TASKS_REQUIRED } });
}

/** A reply to a modern client's `tools/call` that turned into a task, under a handle; undefined for any other. */
export function beganTask(
  engine: Engine,
  call: Call,
  server: ServerView,
  tool: ListItem,
  answer: Answer,
): Answer | undefined {
  if (call.modern === undefined || answer.kind === 'error' || !answer.text.includes('"taskId"')) return undefined;
  // A server of 2025-11-25 was asked for a task; otherwise a member of this name means nothing.
  const wasAsked = call.modern.tasks !== undefined && taskSupportOf(tool) !== undefined;
  const isNew =
    answer.isModern === true
      ? readResultFacts(answer.text).resultType === 'task'
      : wasAsked && hasLegacyTask(answer.text);
  if (!isNew) return undefined;
  if (call.modern.tasks === undefined) {
    throw new GatewayError('upstream/bad_reply', {
      detail: `${server.entry.name}: a task that nobody asked for`,
      data: { server: server.entry.name, reason: 'a task that nobody asked for', retryable: false },
    });
  }
  const handleOf = (taskId: string, place?: Place): string =>
    engine.sessions.tasks.ofTool(
      { serverId: server.entry.id, taskId, tool: tool.identity, ...(place === undefined ? {} : { place }) },
      call.principal.id,
    );
  const { place } = call.modern.tasks;
  if (answer.isModern === true) {
    // A child process is here only, and so are its tasks.
    const home = server.entry.endpoint.kind === 'stdio' ? place : undefined;
    return { ...answer, text: mapTaskIds(answer.text, (taskId) => handleOf(taskId, home)) };
  }
  const task = findMember(scanObject(answer.text), 'task');
  if (task === undefined) return undefined;
  const others = withoutMembers(answer.text, LEGACY_TASK);
  const set = new Map([['resultType', '"task"']]);
  for (const { key, start, end } of scanObject(others)) set.set(key, others.slice(start, end));
  const text = toModernTask(answer.text.slice(task.start, task.end), set);
  return { ...answer, isModern: true, text: mapTaskIds(text, (taskId) => handleOf(taskId, place)) };
}

function hasLegacyTask(text: string): boolean {
  const task = findMember(scanObject(text), 'task');
  return task !== undefined && text.charAt(task.start) === '{';
}

/** `tasks/get`, `tasks/update`, `tasks/cancel` of the extension: go to the server that has the task. */
export async function modernTask(engine: Engine, call: Call): Promise<Answer> {
  if (call.modern?.tasks === undefined) throw tasksRequired(call.method);
  const params = requireParams(call);
  const handle = requireString(params, 'taskId');
  const target = engine.sessions.tasks.open(handle, call.principal.id);
  const server = target === undefined ? undefined : call.view.byServerId.get(target.serverId);
  if (target === undefined || server === undefined || (target.tool !== undefined && !server.allowsTool(target.tool))) {
    throw new GatewayError('rpc/invalid_params', { detail: 'Failed to retrieve task: Task not found' });
  }
  const { entry } = server;
  const info = await engine.upstreams.info(entry, engine.upstreams.resolveCredential(entry, call.offer), call.owner);
  const request: TaskRequest = { engine, call, server, target, handle, params };
  return isModernVersion(info.protocolVersion) ? await passTask(request) : await bridgeTask(request);
}

interface TaskRequest {
  readonly engine: Engine;
  readonly call: Call;
  readonly server: ServerView;
  readonly target: TaskTarget;
  readonly handle: string;
  readonly params: RequestParams;
}

/** The server speaks the extension itself. */
async function passTask(request: TaskRequest): Promise<Answer> {
  const { engine, call, handle, target } = request;
  const answer = await send(request, call.method);
  if (answer.kind === 'error') return answer;
  const text = mapTaskIds(answer.text, (taskId) => (taskId === target.taskId ? handle : undefined));
  return { ...answer, text: await relinked(engine, call, request.server, text) };
}

/** The server has the tasks of 2025-11-25. */
async function bridgeTask(request: TaskRequest): Promise<Answer> {
  switch (request.call.method) {
    case 'tasks/update':
      return await updateTask(request);
    case 'tasks/cancel':
      return await cancelTask(request);
    default:
      return await getTask(request);
  }
}

async function getTask(request: TaskRequest): Promise<Answer> {
  const { engine, call, handle, server } = request;
  const answer = await send(request, 'tasks/get');
  if (answer.kind === 'error') return answer;
  const set = new Map<string, string>([['taskId', JSON.stringify(handle)]]);
  switch (statusOf(answer.text)) {
    case 'input_required': {
      const watch = watchOf(request);
      await watch?.asked(QUESTION_WAIT_MS);
      const open = watch?.questions ?? [];
      // What it asked was answered a moment ago, or is being taken care of elsewhere.
      if (open.length === 0) set.set('status', '"working"');
      else set.set('inputRequests', mapQuestions(inputRequestsText(open), handle));
      break;
    }
    case 'completed':
    case 'failed': {
      closeWatch(request);
      const end = await send(request, 'tasks/result', { idleTimeoutMs: RESULT_WAIT_MS });
      // A tool that failed has a result all the same (SEP-2663, "Task Execution Errors").
      set.set('status', end.kind === 'error' ? '"failed"' : '"completed"');
      if (end.kind === 'error') set.set('error', toModernError(end.text));
      else {
        const own = withoutRelatedTask(mapTaskIds(end.text, () => handle));
        const result = own.startsWith('{') ? withMembersSet(own, COMPLETE) : own;
        set.set('result', (await relinkResult(engine.catalog, call, server, { text: result })).text);
      }
      break;
    }
    case 'cancelled':
      closeWatch(request);
      break;
    default:
      break;
  }
  return { ...answer, text: mapTaskIds(toModernTask(answer.text, set), () => handle) };
}

/** Answers reach the question where it is waited for; there is nothing to tell the server besides. */
async function updateTask(request: TaskRequest): Promise<Answer> {
  const { call, target } = request;
  const given = readParams(call.message);
  const input = given === undefined || given === 'invalid' ? { problem: 'params are missing' } : readRoundInput(given);
  if ('problem' in input) throw new GatewayError('rpc/invalid_params', { detail: input.problem });
  const watch = call.modern?.tasks?.watches.find(call.principal.id, target.serverId, target.taskId);
  if (watch === undefined) {
    const task = await send(request, 'tasks/get');
    if (task.kind === 'error') return task;
  }
  for (const [key, text] of input.responses)
    watch?.answer(
      key,
      mapTaskIds(text, () => target.taskId),
    );
  return { ...NOTHING, ...whereTo(request) };
}

async function cancelTask(request: TaskRequest): Promise<Answer> {
  closeWatch(request);
  const answer = await send(request, 'tasks/cancel');
  if (answer.kind === 'error') {
    // There, a task that is over cannot be cancelled; here, that is no error of the one who asked.
    const task = errorCode(answer.text) === INVALID_PARAMS ? await send(request, 'tasks/get') : answer;
    if (task.kind === 'error') return answer;
  }
  return { ...NOTHING, ...whereTo(request) };
}

function send(
  { engine, call, server, target, params }: TaskRequest,
  method: string,
  more: Partial<Forwarding> = {},
): Promise<Answer> {
  return forward(engine, call, {
    server,
    params,
    replace: { taskId: JSON.stringify(target.taskId) },
    repeatable: method !== 'tasks/cancel' && method !== 'tasks/update',
    target: target.taskId,
    method,
    ...more,
  });
}

/** The watch over the task; the server is listened to from the first look on. Undefined: too many are watched. */
function watchOf({ engine, call, server, target }: TaskRequest): TaskWatch | undefined {
  const { owner, client, principal, offer } = call;
  if (client === undefined) return undefined;
  const watch = call.modern?.tasks?.watches.open(principal.id, target.serverId, target.taskId, client.capabilities);
  watch?.listen(() => {
    const id = engine.upstreams.nextRequestId();
    const method = 'tasks/result';
    const text = requestText(id, method, JSON.stringify({ taskId: target.taskId }));
    const { entry } = server;
    return engine.upstreams.request(entry, engine.upstreams.resolveCredential(entry, offer), owner, {
      id,
      method,
      text,
      repeatable: true,
      client: watch,
      idleTimeoutMs: RESULT_WAIT_MS,
      control: watch.control,
    });
  });
  return watch;
}

function closeWatch({ call, target }: TaskRequest): void {
  call.modern?.tasks?.watches.close(call.principal.id, target.serverId, target.taskId);
}

function whereTo({ server, target }: TaskRequest): Pick<Answer, 'serverId' | 'serverName' | 'target'> {
  return { serverId: server.entry.id, serverName: server.entry.name, target: target.taskId };
}

function statusOf(task: string): unknown {
  return (JSON.parse(task) as { status?: unknown } | null)?.status;
}

/** Questions of a task name it. */
function mapQuestions(requests: string, handle: string): string {
  const parts = scanObject(requests).map(({ key, start, end }) => {
    const question = requests.slice(start, end);
    const params = findMember(scanObject(question), 'params');
    if (params === undefined) return `${JSON.stringify(key)}:${question}`;
    const mapped = mapTaskIds(question.slice(params.start, params.end), () => handle);
    return `${JSON.stringify(key)}:${withMembersSet(question, new Map([['params', mapped]]))}`;
  });
  return `{${parts.join(',')}}`;
}

/** A task that is over carries the result of its tool, links included. */
async function relinked(engine: Engine, call: Call, server: ServerView, task: string): Promise<string> {
  const result = findMember(scanObject(task), 'result');
  if (result === undefined) return task;
  const before = task.slice(result.start, result.end);
  const { text } = await relinkResult(engine.catalog, call, server, { text: before });
  return text === before ? task : withMembersSet(task, new Map([['result', text]]));
}

function withParams({ value }: RequestParams, text: string): RequestParams {
  return { text, value, members: scanObject(text) };
}
