import { Controller, Get, Header, Req } from '@nestjs/common';
import type { Request } from 'express';
import { PublicAddress } from '../../platform/http/public-address.js';
import { Public } from '../admin/auth/public.decorator.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';

const PREFIX = '/.well-known/oauth-protected-resource';

/** RFC 9728 §2. */
interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly resource_name: string;
  readonly bearer_methods_supported: readonly string[];
}

/**
 * The document that the challenge of every 401 points to. It says the same for every path below the prefix, whether or
 * not such a server exists, and echoes the path as RFC 9728 §3.1 asks: `…/oauth-protected-resource/mcp/x` describes
 * `/mcp/x`.
 */
@Controller()
@Public()
export class ProtectedResourceMetadataController {
  readonly #address: PublicAddress;

  constructor(address: PublicAddress) {
    this.#address = address;
  }

  @Get([PREFIX, `${PREFIX}/*path`])
  @RouteDoc('Where clients learn how to identify themselves (RFC 9728)')
  @Header('Access-Control-Allow-Origin', '*')
  @Header('Cache-Control', 'no-store')
  describe(@Req() request: Request): ProtectedResourceMetadata {
    const base = this.#address.baseUrl(request);
    const path = request.path.slice(PREFIX.length).replace(/\/$/, '');
    // With a root path the metadata path repeats it (`…/oauth-protected-resource/root/mcp`); the base has it already.
    const rootPath = new URL(base).pathname.replace(/\/$/, '');
    const below = rootPath !== '' && path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path;
    return {
      resource: `${base}${below === '' ? '/mcp' : below}`,
      resource_name: 'Gatehouse',
      bearer_methods_supported: ['header'],
    };
  }
}
