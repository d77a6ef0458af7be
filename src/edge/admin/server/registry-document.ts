import type { ServerEntry } from '../../../core/model/server-entry.js';
import { PRODUCT } from '../../../core/protocol/product.js';

/** One server of the official registry's format, as far as a gateway can tell of it. */
export interface RegistryServer {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly version: string;
  readonly remotes: readonly { readonly type: 'streamable-http'; readonly url: string }[];
}

const VERSION = '1.0.0';
/** The official registry's bound. */
const DESCRIPTION_MAX = 100;

/** The gateway itself first, then its servers by name, each at its own path (reference §3.2). Never their own addresses. */
export function registryServers(servers: readonly ServerEntry[], baseUrl: string): readonly RegistryServer[] {
  const own: RegistryServer = {
    name: `${PRODUCT.name}-mcp-server`,
    title: PRODUCT.title,
    description: 'Every MCP server of this gateway behind one endpoint',
    version: VERSION,
    remotes: [{ type: 'streamable-http', url: `${baseUrl}/mcp` }],
  };
  return [
    own,
    ...servers.map(({ name, prefix, description }) => ({
      name,
      title: name,
      description: (description ?? name).slice(0, DESCRIPTION_MAX),
      version: VERSION,
      remotes: [{ type: 'streamable-http' as const, url: `${baseUrl}/${encodeURIComponent(prefix)}/mcp` }],
    })),
  ];
}

/** The official registry names servers `reverse.domain/name`. */
export function officialName({ name }: RegistryServer, baseUrl: string): string {
  const host = URL.parse(baseUrl)?.hostname ?? '';
  const isDomain = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(host) && !/^[\d.]+$/.test(host);
  const domain = isDomain ? host.split('.').reverse().join('.') : `local.${PRODUCT.name}`;
  return `${domain}/${name}`;
}

/** An entry of `GET /v0.1/servers`. */
export function officialEntry(server: RegistryServer, baseUrl: string, since: string) {
  return {
    server: { ...server, name: officialName(server, baseUrl) },
    _meta: {
      'io.modelcontextprotocol.registry/official': {
        status: 'active',
        publishedAt: since,
        updatedAt: since,
        isLatest: true,
      },
    },
  };
}
