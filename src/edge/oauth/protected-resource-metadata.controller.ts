import { Controller, Get, Header, Inject, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { interactiveServer } from '../../core/access/interactive-server.js';
import type { JwtSettings } from '../../platform/config/settings.js';
import { JWT_SETTINGS } from '../../platform/config/tokens.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { ClientEndpoint } from './endpoint.decorator.js';
import { endpointOf } from './endpoint-address.js';
import { SCOPE } from './root-scopes.js';

const PREFIX = '/.well-known/oauth-protected-resource';

/** RFC 9728 §2. */
interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly resource_name: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly bearer_methods_supported: readonly string[];
}

/**
 * The document that the challenge of every 401 points to. It echoes the path as RFC 9728 §3.1 asks:
 * `…/oauth-protected-resource/mcp/x` describes `/mcp/x`. Tokens for an endpoint are had from the gateway itself; only where
 * the users of a server sign in there (`oauth2`), and the client has a key of ours beside its token, from the issuer of that
 * server: with `?identity=1`, which the challenge of who has no key says, the gateway itself is named for those too.
 * Servers that do not exist are like those that do.
 */
@Controller()
@ClientEndpoint()
export class ProtectedResourceMetadataController {
  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(JWT_SETTINGS) private readonly jwt: JwtSettings,
  ) {}

  @Get([PREFIX, `${PREFIX}/*path`])
  @RouteDoc('Where clients learn how to identify themselves (RFC 9728)', {
    query: { identity: '1: the client has no key of the gateway; name the gateway itself' },
  })
  @Header('Cache-Control', 'no-store')
  describe(@Req() request: Request, @Query('identity') identity?: string): ProtectedResourceMetadata {
    const base = this.address.baseUrl(request);
    const path = request.path.slice(PREFIX.length).replace(/\/$/, '');
    // With a root path the metadata path repeats it (`…/oauth-protected-resource/root/mcp`); the base has it already.
    const rootPath = new URL(base).pathname.replace(/\/$/, '');
    const below = rootPath !== '' && path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path;
    const endpoint = endpointOf(below);
    const external = this.address.isExternal(request);
    const server = endpoint === undefined ? undefined : interactiveServer(this.registry.current, endpoint, external);
    const ownIssuer = server !== undefined && identity !== '1' ? server : undefined;
    return {
      resource: `${base}${below === '' ? '/mcp' : below}`,
      resource_name: 'Gatehouse',
      ...(ownIssuer === undefined
        ? this.#signIn(base)
        : { authorization_servers: [`${base}/${ownIssuer.name}`], scopes_supported: ownIssuer.auth.scopes }),
      bearer_methods_supported: ['header'],
    };
  }

  /** Where people sign in who have no key: at the company's providers that issue tokens for endpoints, and at the gateway. */
  #signIn(base: string): Pick<ProtectedResourceMetadata, 'authorization_servers' | 'scopes_supported'> {
    const providers = this.jwt.issuers.flatMap(({ issuer, endpoints }) =>
      issuer === undefined || endpoints === undefined ? [] : [{ issuer, ...endpoints }],
    );
    return {
      authorization_servers: [...providers.map(({ issuer }) => issuer), base],
      scopes_supported:
        providers.length === 0 ? [SCOPE] : [...new Set(providers.flatMap((provider) => provider.scopes))],
    };
  }
}
