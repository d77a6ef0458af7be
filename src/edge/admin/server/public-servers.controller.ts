import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../../platform/config/tokens.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { Public } from '../auth/public.decorator.js';
import { PublicServers } from './public-servers.service.js';
import { officialEntry, officialName, registryServers, type RegistryServer } from './registry-document.js';
import { isExposed } from './server-access.js';
import { known } from './server.controller.js';
import { RegistryListQuery } from './server.queries.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { PublicServersDefinition } from '../../../core/definition/server-requests.definition.js';

const PAGE_SIZE = 30;
const LATEST: ReadonlySet<string> = new Set(['latest', '1.0.0']);

/** What is shown of servers without a credential: the hub, and the registry documents where they are switched on. */
@Controller()
export class PublicServersController {
  readonly #since = new Date().toISOString();

  constructor(
    private readonly servers: PublicServers,
    private readonly registry: RegistryService,
    private readonly address: PublicAddress,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  @Post('/v1/mcp/make_public')
  @RouteDoc('Says which servers are on the public hub', { body: PublicServersDefinition })
  @HttpCode(202)
  async makePublic(@CurrentPrincipal() caller: Principal | undefined, @Body() body: unknown): Promise<object> {
    const who = known(caller);
    return {
      message: 'Successfully updated public mcp servers',
      public_mcp_servers: await this.servers.replace(who, body),
      updated_by: who.userId ?? who.id,
    };
  }

  /** Never with addresses: those are behind the gateway. */
  @Get('/public/mcp_hub')
  @RouteDoc('Servers on the public hub')
  @Public()
  hub(): readonly object[] {
    return this.servers.onHub().map(({ id, name, alias, endpoint, auth, info }) => ({
      server_id: id,
      name,
      alias: alias ?? null,
      server_name: name,
      transport: endpoint.kind === 'stdio' ? 'stdio' : endpoint.transport === 'sse' ? 'sse' : 'http',
      auth_type: auth.type,
      mcp_info: { ...info, is_public: true },
    }));
  }

  @Get('/v1/mcp/registry.json')
  @RouteDoc('Servers as a registry document')
  @Public()
  document(@Req() request: Request): { readonly servers: readonly { readonly server: RegistryServer }[] } {
    return { servers: this.#published(request).map((server) => ({ server })) };
  }

  /** As the official registry answers (its API v0.1), so that clients of that one can read this one. */
  @Get('/v0.1/servers')
  @RouteDoc('Servers as the official registry lists them')
  @Public()
  list(@Req() request: Request, @Query() query: RegistryListQuery): object {
    const baseUrl = this.address.baseUrl(request);
    const wanted = query.search?.toLowerCase() ?? '';
    const all = this.#published(request)
      .map((server) => ({ server, name: officialName(server, baseUrl) }))
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .filter(() => query.version === undefined || LATEST.has(query.version));
    const start = query.cursor === undefined ? 0 : all.findIndex(({ name }) => name === query.cursor) + 1;
    const page = all.slice(start, start + (query.limit ?? PAGE_SIZE));
    const more = start + page.length < all.length ? page.at(-1)?.name : undefined;
    return {
      servers: page.map(({ server }) => officialEntry(server, baseUrl, this.#since)),
      metadata: { count: page.length, ...(more === undefined ? {} : { nextCursor: more }) },
    };
  }

  @Get('/v0.1/servers/:name/versions')
  @RouteDoc('Versions of a server as the official registry lists them')
  @Public()
  versions(@Req() request: Request, @Param('name') name: string): object {
    return { servers: [this.#entry(request, name)], metadata: { count: 1 } };
  }

  @Get('/v0.1/servers/:name/versions/:version')
  @RouteDoc('A version of a server as the official registry shows it')
  @Public()
  version(@Req() request: Request, @Param('name') name: string, @Param('version') version: string): object {
    if (!LATEST.has(version))
      throw new GatewayError('server/not_found', { detail: `${name} has no version ${version}` });
    return this.#entry(request, name);
  }

  #entry(request: Request, name: string): object {
    const baseUrl = this.address.baseUrl(request);
    const server = this.#published(request).find((each) => officialName(each, baseUrl) === name);
    if (server === undefined) throw new GatewayError('server/not_found', { detail: `${name} not found` });
    return officialEntry(server, baseUrl, this.#since);
  }

  /** Callers from outside read of servers that are open to the outside only (contract §9). */
  #published(request: Request): readonly RegistryServer[] {
    if (!this.settings.publishRegistry) {
      throw new GatewayError('server/not_found', { detail: 'MCP registry is not enabled' });
    }
    const { current } = this.registry;
    const place = { external: this.address.isExternal(request) };
    const shown = current.servers.filter((entry) => isExposed(current, entry, place));
    return registryServers(shown, this.address.baseUrl(request));
  }
}
