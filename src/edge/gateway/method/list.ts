import { GatewayError } from '../../../core/errors/gateway-error.js';
import { readParams } from '../../../core/protocol/request-params.js';
import { listHints } from '../../../engine/catalog/list-hints.js';
import type { ListKind } from '../../../engine/catalog/list-kind.js';
import type { Answer, Call } from '../call.js';
import type { Engine } from './forward.js';

/** `tools/list`, `prompts/list`, `resources/list`, `resources/templates/list`. */
export async function list(kind: ListKind, engine: Engine, call: Call): Promise<Answer> {
  const params = readParams(call.message);
  const cursor = params === undefined || params === 'invalid' ? undefined : params.value['cursor'];
  if (params === 'invalid' || (cursor !== undefined && typeof cursor !== 'string')) {
    throw new GatewayError('rpc/invalid_params', { detail: 'params.cursor must be a cursor of an earlier page' });
  }
  const view = kind === 'tools' ? call.view : call.view.content;
  const text = await engine.catalog.listPage(kind, view, call, cursor);
  return call.modern === undefined
    ? { kind: 'result', text }
    : { kind: 'result', text, hints: listHints(engine.catalog, kind, view, call) };
}
