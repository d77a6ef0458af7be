import type { AccessView } from '../../core/model/access-view.js';
import { META } from '../../core/protocol/modern/meta-keys.js';
import { MODERN_VERSIONS } from '../../core/protocol/modern/modern-version.js';
import { NO_CACHING } from '../../core/protocol/modern/modern-result.js';
import type { Caller } from '../../engine/catalog/caller.js';
import type { UpstreamInfo } from '../../engine/upstream/upstream.js';
import type { Engine } from './method/forward.js';
import { viewOffer } from './method/initialize.js';
import { SERVER_INFO } from './modern-reply.js';

/** Extensions that need the gateway's help, which it does not give. */
const UNSUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set(['io.modelcontextprotocol/tasks']);

/**
 * The result of `server/discover` for this view. Only modern revisions are named: a client chooses from them what to put
 * into its next request. What a caller sees is theirs alone and may change at any time, so nothing is to be cached.
 */
export async function discoverResult(engine: Engine, view: AccessView, caller: Caller): Promise<string> {
  const { capabilities, instructions, infos } = await viewOffer(engine, view, caller);
  const extensions = unionOfExtensions(infos.values());
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: MODERN_VERSIONS,
    capabilities: Object.keys(extensions).length === 0 ? capabilities : { ...capabilities, extensions },
    ...(instructions === undefined ? {} : { instructions }),
    ...NO_CACHING,
    _meta: { [META.serverInfo]: JSON.parse(SERVER_INFO) as unknown },
  });
}

/** Settings of the same extension are put together; those of the server that comes first win. */
function unionOfExtensions(infos: Iterable<UpstreamInfo>): Record<string, object> {
  const union: Record<string, object> = {};
  for (const { capabilities } of infos) {
    const { extensions } = capabilities;
    if (typeof extensions !== 'object' || extensions === null) continue;
    for (const [name, settings] of Object.entries<unknown>(extensions as Record<string, unknown>)) {
      if (UNSUPPORTED_EXTENSIONS.has(name) || typeof settings !== 'object' || settings === null) continue;
      union[name] = { ...settings, ...union[name] };
    }
  }
  return union;
}
