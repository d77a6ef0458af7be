import { Controller, Get, Header, Inject, Req } from '@nestjs/common';
import type { Request } from 'express';
import { interactiveServer, type InteractiveServer } from '../../core/access/interactive-server.js';
import type { OAuthSettings } from '../../platform/config/settings.js';
import { OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { ClientEndpoint } from './endpoint.decorator.js';
import { CLIENT_AUTH_METHODS } from './known-client.js';
import { SCOPE } from './root-scopes.js';

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

/** RFC 8414 §2, with RFC 9207 and client metadata documents. */
interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly registration_endpoint: string;
  readonly revocation_endpoint: string;
  readonly response_types_supported: readonly string[];
  readonly response_modes_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly code_challenge_methods_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly authorization_response_iss_parameter_supported: true;
  readonly client_id_metadata_document_supported: true;
}

/**
 * What the gateway's issuers offer, at every path where clients look: RFC 8414 puts the issuer's path behind the
 * well-known part, OpenID before it. Issuers are the gateway (`<base>`) and, for servers whose users sign in there,
 * `<base>/{server}`; whatever else is asked for gets the document of the gateway.
 */
@Controller()
@ClientEndpoint()
export class AuthorizationServerMetadataController {
  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(OAUTH_SETTINGS) private readonly settings: OAuthSettings,
  ) {}

  @Get([OAUTH, `${OAUTH}/*path`, OPENID, `${OPENID}/*path`])
  @RouteDoc('What the authorization server offers (RFC 8414)')
  @Header('Cache-Control', 'no-store')
  describe(@Req() request: Request): AuthorizationServerMetadata {
    const path = request.path.startsWith(OAUTH) ? request.path.slice(OAUTH.length) : request.path.slice(OPENID.length);
    return this.#describe(request, path);
  }

  @Get(['/:server/.well-known/oauth-authorization-server', '/:server/.well-known/openid-configuration'])
  @RouteDoc('The same, asked for below the issuer')
  @Header('Cache-Control', 'no-store')
  describeBelow(@Req() request: Request): AuthorizationServerMetadata {
    return this.#describe(request, request.path.slice(0, request.path.indexOf('/.well-known/')));
  }

  /** `path`: of the issuer, or of an endpoint of it. */
  #describe(request: Request, path: string): AuthorizationServerMetadata {
    const base = this.address.baseUrl(request);
    const rootPath = new URL(base).pathname.replace(/\/$/, '');
    const below = rootPath !== '' && path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path;
    // `/{server}`, `/mcp/{server}`, `/{server}/mcp`.
    const name = below.replace(/^\/mcp(?=\/)/, '').replace(/(?<=.)\/mcp$|\/$/, '');
    const server = interactiveServer(this.registry.current, `/mcp${name}`, this.address.isExternal(request));
    return this.#document(server === undefined ? base : `${base}/${server.name}`, server);
  }

  #document(issuer: string, server: InteractiveServer | undefined): AuthorizationServerMetadata {
    const assertions = server === undefined && this.settings.enterprise !== undefined;
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      revocation_endpoint: `${issuer}/revoke`,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        ...(assertions ? ['urn:ietf:params:oauth:grant-type:jwt-bearer'] : []),
      ],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
      revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
      scopes_supported: server === undefined ? [SCOPE] : server.auth.scopes,
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    };
  }
}
