import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { isInteractive, type InteractiveServer } from '../../../core/access/interactive-server.js';
import { placeSees } from '../../../core/access/place-sees.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { OAuthRefusal } from '../oauth-refusal.js';

/** The issuer of one server: `<base>/{server}`. */
export interface RelayServer {
  readonly entry: InteractiveServer;
  readonly issuer: string;
  /** What clients of this issuer are registered under. */
  readonly issuerPath: string;
  /** The gateway's own address, no trailing slash. */
  readonly base: string;
}

/** Finds the servers that have an issuer here: those whose users sign in there themselves. From outside: those that are public. */
@Injectable()
export class RelayServers {
  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(PublicAddress) private readonly address: PublicAddress,
  ) {}

  /** By name, alias or id. Whether a server of another kind has the name is not told. @throws OAuthRefusal, 404. */
  named(request: IncomingMessage, name: string): RelayServer {
    const found = this.find(request, name);
    // In the incumbent's words (reference, Appendix E).
    if (found === undefined) throw new OAuthRefusal('invalid_request', 'MCP server not found', 404);
    return found;
  }

  find(request: IncomingMessage, name: string): RelayServer | undefined {
    return this.#of(request, this.registry.current.byHandle.get(name.toLowerCase()));
  }

  /** The same server later in a flow; undefined when it is gone, or is another kind by now. */
  byId(request: IncomingMessage, id: string): RelayServer | undefined {
    return this.#of(request, this.registry.current.byId.get(id));
  }

  #of(request: IncomingMessage, entry: Parameters<typeof isInteractive>[0] | undefined): RelayServer | undefined {
    if (entry === undefined || !isInteractive(entry)) return undefined;
    if (!placeSees(this.registry.current, entry, this.address.isExternal(request))) return undefined;
    const base = this.address.baseUrl(request);
    const issuerPath = `/${entry.name}`;
    return { entry, issuer: `${base}${issuerPath}`, issuerPath, base };
  }
}
