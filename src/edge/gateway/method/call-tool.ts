import { GatewayError } from '../../../core/errors/gateway-error.js';
import { resolveName } from '../../../engine/catalog/resolve-name.js';
import { relinkResult } from '../../../engine/catalog/relink-result.js';
import type { Answer, Call } from '../call.js';
import { mirroredOf } from '../../../engine/catalog/mirrored-arguments.js';
import { requireMirroredHeaders } from '../modern-tool-headers.js';
import { forward, requireParams, requireString, type Engine } from './forward.js';
import { beganTask, withTask } from './modern-tasks.js';
import { taskAnswer } from './tasks.js';

/** `tools/call`. Only the name changes on the way; arguments and result pass as they came. */
export async function callTool(engine: Engine, call: Call): Promise<Answer> {
  const params = requireParams(call);
  const name = requireString(params, 'name');
  const { server, item } = await resolveName(engine.catalog, 'tools', call.view, call, name);
  checkParameters(server.entry.tools.allowedParams.get(item.identity), params.value['arguments'], name);
  if (call.modern !== undefined) requireMirroredHeaders(item, params.value['arguments'], call.modern.headers);
  const answer = await forward(engine, call, {
    server,
    params: call.modern === undefined ? params : await withTask(engine, call, server, item, params),
    replace: name === item.identity ? {} : { name: JSON.stringify(item.identity) },
    repeatable: item.repeatable,
    target: item.identity,
    mirrored: mirroredOf(item),
  });
  if (answer.kind === 'error') return answer;
  const begun = beganTask(engine, call, server, item, answer);
  if (begun !== undefined) return begun;
  if (call.modern === undefined && params.value['task'] !== undefined) return taskAnswer(engine, call, server, answer);
  return relinkResult(engine.catalog, call, server, answer);
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
