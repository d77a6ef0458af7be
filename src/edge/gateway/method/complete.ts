import { GatewayError } from '../../../core/errors/gateway-error.js';
import { findMember, scanObject } from '../../../core/protocol/json-scan.js';
import type { RequestParams } from '../../../core/protocol/request-params.js';
import { splice } from '../../../core/protocol/splice.js';
import type { ServerView } from '../../../core/model/access-view.js';
import { resolveName } from '../../../engine/catalog/resolve-name.js';
import { resolveTemplate } from '../../../engine/catalog/resolve-resource.js';
import type { Answer, Call } from '../call.js';
import { forward, requireParams, type Engine } from './forward.js';

/** `completion/complete`: goes to the server that owns the prompt or template it refers to. */
export async function complete(engine: Engine, call: Call): Promise<Answer> {
  const params = requireParams(call);
  const ref = params.value['ref'];
  if (typeof ref !== 'object' || ref === null) throw invalidRef();
  const { type, name, uri } = ref as { type?: unknown; name?: unknown; uri?: unknown };
  let server: ServerView;
  let key: 'name' | 'uri';
  let upstreamValue: string;
  if (type === 'ref/prompt' && typeof name === 'string') {
    const target = await resolveName(engine.catalog, 'prompts', call.view.content, call, name);
    [server, key, upstreamValue] = [target.server, 'name', target.item.identity];
  } else if (type === 'ref/resource' && typeof uri === 'string') {
    const target = await resolveTemplate(engine.catalog, call.view.content, call, uri);
    [server, key, upstreamValue] = [target.server, 'uri', target.uri];
  } else {
    throw invalidRef();
  }
  return await forward(engine, call, {
    server,
    params,
    replace: { ref: refText(params, key, upstreamValue) },
    repeatable: true,
    target: upstreamValue,
  });
}

/** The ref as it came, with the upstream's own name in it. */
function refText(params: RequestParams, key: 'name' | 'uri', value: string): string {
  const span = findMember(params.members, 'ref');
  if (span === undefined) throw invalidRef();
  const text = params.text.slice(span.start, span.end);
  const member = findMember(scanObject(text), key);
  if (member === undefined) throw invalidRef();
  return splice(text, [{ start: member.start, end: member.end, with: JSON.stringify(value) }]);
}

function invalidRef(): GatewayError {
  return new GatewayError('rpc/invalid_params', { detail: 'params.ref must be a ref/prompt or ref/resource' });
}
