import { GatewayError } from '../../../core/errors/gateway-error.js';
import { isLogLevel, LOG_LEVELS } from '../../../core/protocol/log-level.js';
import type { Answer, Call } from '../call.js';
import { requireParams, type Engine } from './forward.js';

/**
 * `logging/setLevel`: kept for the session, which filters by it, and passed on to the upstreams it is connected to;
 * those connected later are told when they connect. Without a session there is nobody whose level it would be.
 */
export async function setLevel(engine: Engine, call: Call): Promise<Answer> {
  const { level } = requireParams(call).value;
  if (!isLogLevel(level)) {
    throw new GatewayError('rpc/invalid_params', { detail: `params.level must be one of ${LOG_LEVELS.join(', ')}` });
  }
  const { session } = call;
  if (session !== undefined) {
    session.logLevel = level;
    for (const entry of engine.upstreams.connectedServers(session.key)) {
      engine.sessions.sendLogLevel(session, entry, engine.upstreams.resolveCredential(entry, call.offer));
    }
    await engine.sessions.keep(session);
  }
  return { kind: 'result', text: '{}' };
}
