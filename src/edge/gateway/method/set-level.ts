import { GatewayError } from '../../../core/errors/gateway-error.js';
import { isLogLevel, LOG_LEVELS } from '../../../core/protocol/log-level.js';
import { requestText } from '../../../core/protocol/rpc-message.js';
import type { Answer, Call } from '../call.js';
import { requireParams, type Engine } from './forward.js';

/**
 * `logging/setLevel`: kept for the session, which filters by it, and passed on to the upstreams it is connected to that
 * can log. Upstreams connected later are told when they connect (`UpstreamOwner.onConnect`).
 */
export function setLevel(engine: Engine, call: Call): Promise<Answer> {
  const { level } = requireParams(call).value;
  if (!isLogLevel(level)) {
    throw new GatewayError('rpc/invalid_params', { detail: `params.level must be one of ${LOG_LEVELS.join(', ')}` });
  }
  if (call.session !== undefined) {
    call.session.logLevel = level;
    for (const entry of engine.upstreams.connectedServers(call.session.key)) {
      const id = engine.upstreams.nextRequestId();
      const credential = engine.upstreams.resolveCredential(entry, call.offer);
      if (engine.upstreams.knownInfo(entry, credential)?.capabilities['logging'] === undefined) continue;
      engine.upstreams
        .request(entry, credential, call.owner, {
          id,
          method: 'logging/setLevel',
          text: requestText(id, 'logging/setLevel', JSON.stringify({ level })),
          repeatable: true,
        })
        .catch(() => {
          // The session filters by itself; an upstream that cannot be told only sends more than is shown.
        });
    }
  }
  return Promise.resolve({ kind: 'result', text: '{}' });
}
