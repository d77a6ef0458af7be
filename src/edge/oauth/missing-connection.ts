import { Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { isInteractive } from '../../core/access/interactive-server.js';
import type { Principal } from '../../core/model/principal.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { userVariableNames } from '../../state/credential/user-variable-names.js';
import { Connections } from './connections.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** Whether a person who connects a client to one server still has to connect to that server. */
@Injectable()
export class MissingConnection {
  constructor(@Inject(Connections) private readonly connections: Connections) {}

  /**
   * Path of the page where they do so before they go on to `next`; undefined: nothing is missing, nothing can be kept for
   * them, or the endpoint is not that of one server they may see.
   */
  async pageFor(request: Request, principal: Principal, endpoint: string, next: string): Promise<string | undefined> {
    const name = /^\/mcp\/([^,/]+)$/.exec(endpoint)?.[1];
    if (name === undefined || principal.userId === undefined) return undefined;
    const entry = this.#find(request, principal, name);
    if (entry === undefined) return undefined;
    const kept = await this.connections.keptBy(this.connections.personOf(principal), entry);
    const isMissing =
      (isInteractive(entry) && kept.tokens?.status !== 'active') ||
      (entry.byok && !kept.hasKey) ||
      userVariableNames(entry).some((variable) => !kept.variables.has(variable));
    return isMissing
      ? `/connect/${encodeURIComponent(entry.name)}?${new URLSearchParams({ next }).toString()}`
      : undefined;
  }

  #find(request: Request, principal: Principal, name: string): ServerEntry | undefined {
    try {
      return this.connections.serverFor(request, principal, name);
    } catch (error) {
      // Not there, not for them, or it wants nothing of its users: the endpoint itself says which, later.
      if (error instanceof OAuthRefusal) return undefined;
      throw error;
    }
  }
}
