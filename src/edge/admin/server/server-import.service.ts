import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../../platform/config/tokens.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { type ClientServer, readClientServers } from './read-client-servers.js';
import { demandProxyAdmin, demandStorage } from './server-access.js';
import { ServerWriting } from './server-writing.service.js';

export interface ImportResult {
  /** As it was written. */
  readonly name: string;
  readonly status: 'created' | 'failed';
  readonly server_id: string | null;
  readonly server_name: string | null;
  readonly error: string | null;
}

/** Takes over the servers of an MCP client's configuration: each for itself, so that one that fails keeps no other out. */
@Injectable()
export class ServerImport {
  constructor(
    private readonly writing: ServerWriting,
    private readonly registry: RegistryService,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  async run(actor: Principal, body: unknown): Promise<readonly ImportResult[]> {
    demandProxyAdmin(actor, 'Only proxy admins can import mcp servers.');
    demandStorage(this.settings.storageOff);
    const results: ImportResult[] = [];
    for (const entry of readClientServers(body)) results.push(await this.#one(actor, entry));
    return results;
  }

  async #one(actor: Principal, { name, body, fault }: ClientServer): Promise<ImportResult> {
    if (body === undefined) return failed(name, fault ?? 'cannot be read');
    // Clients' names often hold what separates prefix and tool here.
    const usable = name.replaceAll(this.registry.current.separator, '_');
    try {
      const row = await this.writing.create(actor, { ...body, server_name: usable });
      return { name, status: 'created', server_id: row.id, server_name: row.name, error: null };
    } catch (error) {
      if (error instanceof ValidationFailed) {
        return failed(name, error.problems.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; '));
      }
      if (error instanceof GatewayError && error.kind.status < 500) return failed(name, error.publicMessage);
      throw error;
    }
  }
}

function failed(name: string, error: string): ImportResult {
  return { name, status: 'failed', server_id: null, server_name: null, error };
}
