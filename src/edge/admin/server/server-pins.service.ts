import { Injectable } from '@nestjs/common';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { toolFingerprint } from '../../../core/protocol/tool-fingerprint.js';
import { UpstreamProbe } from '../../../engine/upstream/probe.js';
import type { McpServer } from '../../../platform/database/generated/client.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { demandProxyAdmin } from './server-access.js';
import { ServerWriting } from './server-writing.service.js';

const PIN_WORDS = 'Call not allowed to pin the tools of an MCP server. User is not a proxy admin.';

/**
 * Approves the tools a server has now: from then on a tool that says something else of itself, or came later, is neither
 * listed nor called (reference §4.4, "pinning"). Where the server is asked with the gateway's own credential.
 */
@Injectable()
export class ServerPins {
  constructor(
    private readonly writing: ServerWriting,
    private readonly registry: RegistryService,
    private readonly probe: UpstreamProbe,
  ) {}

  /** Throws `server/not_found`, `server/file_owned`, and what asking the server throws. */
  async pin(actor: Principal, handle: string): Promise<McpServer> {
    demandProxyAdmin(actor, PIN_WORDS);
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry === undefined) {
      throw new GatewayError('server/not_found', { detail: `MCP Server not found, passed server_id=${handle}` });
    }
    this.writing.refuseFileOwned(handle);
    const pins: Record<string, string> = {};
    for (const tool of await this.probe.listTools(entry)) {
      const name: unknown = typeof tool === 'object' && tool !== null && 'name' in tool ? tool.name : undefined;
      if (typeof name === 'string' && name !== '') pins[name] ??= toolFingerprint(tool);
    }
    if (Object.keys(pins).length === 0) {
      throw new GatewayError('server/refused', { detail: `${entry.name} has no tools: there is nothing to pin` });
    }
    return this.writing.update(actor, handle, { pinned_tools: pins });
  }

  async unpin(actor: Principal, handle: string): Promise<McpServer> {
    demandProxyAdmin(actor, PIN_WORDS);
    return this.writing.update(actor, handle, { pinned_tools: null });
  }
}
