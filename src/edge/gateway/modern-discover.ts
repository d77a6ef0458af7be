import type { AccessView } from '../../core/model/access-view.js';
import { META } from '../../core/protocol/modern/meta-keys.js';
import { MODERN_VERSIONS } from '../../core/protocol/modern/modern-version.js';
import { NO_CACHING } from '../../core/protocol/modern/modern-result.js';
import type { Caller } from '../../engine/catalog/caller.js';
import type { Engine } from './method/forward.js';
import { viewOffer } from './method/initialize.js';
import { modernOffer } from './era-capabilities.js';
import { SERVER_INFO } from './modern-reply.js';

/**
 * The result of `server/discover` for this view. Only modern revisions are named: a client chooses from them what to put
 * into its next request. What a caller sees is theirs alone and may change at any time, so nothing is to be cached.
 */
export async function discoverResult(engine: Engine, view: AccessView, caller: Caller): Promise<string> {
  const { capabilities, instructions } = await viewOffer(engine, view, caller);
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: MODERN_VERSIONS,
    capabilities: modernOffer(capabilities),
    ...(instructions === undefined ? {} : { instructions }),
    ...NO_CACHING,
    _meta: { [META.serverInfo]: JSON.parse(SERVER_INFO) as unknown },
  });
}
