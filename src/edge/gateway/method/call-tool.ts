import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerView } from '../../../core/model/access-view.js';
import { errorCode, HEADER_MISMATCH } from '../../../core/protocol/modern/modern-error.js';
import type { MirroredArgument } from '../../../core/protocol/modern/param-headers.js';
import type { ListItem } from '../../../engine/catalog/list-item.js';
import { resolveName } from '../../../engine/catalog/resolve-name.js';
import { relinkResult } from '../../../engine/catalog/relink-result.js';
import type { Answer, Call } from '../call.js';
import { mirroredOf } from '../../../engine/catalog/mirrored-arguments.js';
import { requireMirroredHeaders } from '../modern-tool-headers.js';
import { forward, requireParams, requireString, type Engine, type Forwarding } from './forward.js';
import { beganTask, withTask } from './modern-tasks.js';
import { taskAnswer } from './tasks.js';

/** `tools/call`. Only the name changes on the way; arguments and result pass as they came. */
export async function callTool(engine: Engine, call: Call): Promise<Answer> {
  const params = requireParams(call);
  const name = requireString(params, 'name');
  const { server, item } = await resolveName(engine.catalog, 'tools', call.view, call, name);
  checkParameters(server.entry.tools.allowedParams.get(item.identity), params.value['arguments'], name);
  if (call.modern !== undefined) requireMirroredHeaders(item, params.value['arguments'], call.modern.headers);
  const common: Forwarding = {
    server,
    params: call.modern === undefined ? params : await withTask(engine, call, server, item, params),
    replace: name === item.identity ? {} : { name: JSON.stringify(item.identity) },
    repeatable: item.repeatable,
    target: item.identity,
  };
  let answer = await forward(engine, call, { ...common, mirrored: mirroredOf(item) });
  if (answer.kind === 'error') {
    const mirrored = await mirroredByNow(engine, call, server, item, answer.text);
    if (mirrored === undefined) return answer;
    answer = await forward(engine, call, { ...common, mirrored });
    if (answer.kind === 'error') return answer;
  }
  const begun = beganTask(engine, call, server, item, answer);
  if (begun !== undefined) return begun;
  if (call.modern === undefined && params.value['task'] !== undefined) return taskAnswer(engine, call, server, answer);
  return relinkResult(engine.catalog, call, server, answer);
}

/**
 * A server that refuses the headers mirrors other arguments than it listed (2026-07-28, "Custom Headers from Tool
 * Parameters"): its tools are asked for once more. Undefined where the call would be the same again.
 */
async function mirroredByNow(
  engine: Engine,
  call: Call,
  server: ServerView,
  item: ListItem,
  error: string,
): Promise<readonly MirroredArgument[] | undefined> {
  if (errorCode(error) !== HEADER_MISMATCH) return undefined;
  const current = (await engine.catalog.askAgain('tools', server, call)).find(item.identity);
  if (current === undefined || current.text === item.text) return undefined;
  return mirroredOf(current);
}

/** `allowed_params` (contract §9): an argument of another name is refused, naming what is allowed. */
function checkParameters(allowed: ReadonlySet<string> | undefined, given: unknown, tool: string): void {
  if (allowed === undefined || typeof given !== 'object' || given === null) return;
  const foreign = Object.keys(given).filter((key) => !allowed.has(key));
  if (foreign.length === 0) return;
  throw new GatewayError('access/parameter_not_allowed', {
    detail:
      `Parameters [${foreign.map((key) => `'${key}'`).join(', ')}] are not allowed for tool ${tool}. ` +
      `Allowed parameters: [${[...allowed].map((key) => `'${key}'`).join(', ')}]. ` +
      'Contact proxy admin to allow these parameters.',
  });
}
