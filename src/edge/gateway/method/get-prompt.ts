import { relinkResult } from '../../../engine/catalog/relink-result.js';
import { resolveName } from '../../../engine/catalog/resolve-name.js';
import type { Answer, Call } from '../call.js';
import { forward, requireParams, requireString, type Engine } from './forward.js';

/** `prompts/get`. */
export async function getPrompt(engine: Engine, call: Call): Promise<Answer> {
  const params = requireParams(call);
  const name = requireString(params, 'name');
  const { server, item } = await resolveName(engine.catalog, 'prompts', call.view.content, call, name);
  const answer = await forward(engine, call, {
    server,
    params,
    replace: { name: JSON.stringify(item.identity) },
    repeatable: true,
    target: item.identity,
  });
  return answer.kind === 'result' ? relinkResult(engine.catalog, call, server, answer) : answer;
}
