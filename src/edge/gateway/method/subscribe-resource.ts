import { GatewayError } from '../../../core/errors/gateway-error.js';
import { resolveResource, type ResourceTarget } from '../../../engine/catalog/resolve-resource.js';
import type { ClientSession } from '../../../engine/session/client-session.js';
import type { Answer, Call } from '../call.js';
import { forward, requireParams, requireString, type Engine } from './forward.js';

/** `resources/subscribe`: changes are told on the session, so it needs one. */
export async function subscribeResource(engine: Engine, call: Call): Promise<Answer> {
  const session = requireSession(call);
  session.subscriptions.requireRoom();
  const { target, publicUri } = await resolve(engine, call);
  const answer = await pass(engine, call, target);
  if (answer.kind === 'result') {
    session.subscriptions.add(target.server.entry.id, target.uri, publicUri);
    session.rememberCredential(
      target.server.entry,
      engine.upstreams.resolveCredential(target.server.entry, call.offer),
    );
    await engine.sessions.keep(session);
  }
  return answer;
}

/** `resources/unsubscribe`. */
export async function unsubscribeResource(engine: Engine, call: Call): Promise<Answer> {
  const session = requireSession(call);
  const { target } = await resolve(engine, call);
  const { entry } = target.server;
  session.subscriptions.delete(entry.id, target.uri);
  await engine.sessions.keep(session);
  return await pass(engine, call, target);
}

async function resolve(engine: Engine, call: Call): Promise<{ target: ResourceTarget; publicUri: string }> {
  const publicUri = requireString(requireParams(call), 'uri');
  return { target: await resolveResource(engine.catalog, call.view.content, call, publicUri), publicUri };
}

function pass(engine: Engine, call: Call, { server, uri }: ResourceTarget): Promise<Answer> {
  return forward(engine, call, {
    server,
    params: requireParams(call),
    replace: { uri: JSON.stringify(uri) },
    repeatable: true,
    target: uri,
  });
}

function requireSession({ session, method }: Call): ClientSession {
  if (session === undefined) throw new GatewayError('session/required', { detail: `for ${method}` });
  return session;
}
