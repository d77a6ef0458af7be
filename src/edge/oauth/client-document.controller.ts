import { Controller, Get, Header, Inject, Req } from '@nestjs/common';
import type { Request } from 'express';
import { PRODUCT } from '../../core/protocol/product.js';
import { CLIENT_DOCUMENT_PATH } from '../../engine/upstream/oauth/upstream-clients.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { ClientEndpoint } from './endpoint.decorator.js';
import { CALLBACK_PATH } from './upstream-returns.js';

/** What the gateway is as an OAuth client of servers; its address is its client id there. */
@Controller()
@ClientEndpoint()
export class ClientDocumentController {
  constructor(@Inject(PublicAddress) private readonly address: PublicAddress) {}

  @Get(CLIENT_DOCUMENT_PATH)
  @RouteDoc('The gateway as an OAuth client (client-id metadata document)')
  @Header('Cache-Control', 'public, max-age=300')
  describe(@Req() request: Request): object {
    const base = this.address.baseUrl(request);
    return {
      client_id: `${base}${CLIENT_DOCUMENT_PATH}`,
      client_name: PRODUCT.title,
      client_uri: base,
      redirect_uris: [`${base}${CALLBACK_PATH}`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'web',
    };
  }
}
