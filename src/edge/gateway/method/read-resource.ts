import { relinkResult } from '../../../engine/catalog/relink-result.js';
import { resolveResource } from '../../../engine/catalog/resolve-resource.js';
import type { Answer, Call } from '../call.js';
import { forward, requireParams, requireString, type Engine } from './forward.js';

/** `resources/read`. */
export async function readResource(engine: Engine, call: Call): Promise<Answer> {
  const params = requireParams(call);
  const uri = requireString(params, 'uri');
  const target = await resolveResource(engine.catalog, call.view.content, call, uri);
  const answer = await forward(engine, call, {
    server: target.server,
    params,
    replace: { uri: JSON.stringify(target.uri) },
    repeatable: true,
    target: target.uri,
  });
  return answer.kind === 'result' ? relinkResult(engine.catalog, call, target.server, answer) : answer;
}
