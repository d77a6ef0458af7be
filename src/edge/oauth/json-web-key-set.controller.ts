import { Controller, Get, Header } from '@nestjs/common';
import { JWKS_MAX_AGE_SECONDS, SigningKeys } from '../../state/signing/signing-keys.js';
import { Public } from '../admin/auth/public.decorator.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';

/** The keys by which servers check who calls (`identity_header`). */
@Controller()
@Public()
export class JsonWebKeySetController {
  constructor(private readonly keys: SigningKeys) {}

  @Get('/.well-known/jwks.json')
  @RouteDoc('The public keys of the gateway (RFC 7517)')
  @Header('Cache-Control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`)
  async keySet(): Promise<{ readonly keys: readonly object[] }> {
    return { keys: await this.keys.published() };
  }
}
