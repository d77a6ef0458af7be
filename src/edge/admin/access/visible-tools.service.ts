import { Injectable } from '@nestjs/common';
import { SCOPE_ALL } from '../../../core/access/request-scope.js';
import { resolveView, type CallerPlace } from '../../../core/access/resolve-view.js';
import { EMPTY_OFFER } from '../../../core/model/client-offer.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import { aggregatePage } from '../../../engine/catalog/aggregate-page.js';
import type { Caller } from '../../../engine/catalog/caller.js';
import { Catalog } from '../../../engine/catalog/catalog.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { readsAll } from '../server/server-access.js';
import { TeamServers } from '../server/team-servers.service.js';

/** What a caller may see, read through the same decision and the same lists as MCP. */
@Injectable()
export class VisibleTools {
  constructor(
    private readonly registry: RegistryService,
    private readonly catalog: Catalog,
    private readonly teams: TeamServers,
  ) {}

  /**
   * `{"tools": […]}` as raw text, with the names `/mcp` shows, all pages at once, without anything of the client's. Servers
   * that do not answer are missing, and named under `_meta`.
   */
  async toolsText(principal: Principal, place: CallerPlace): Promise<string> {
    const view = this.#view(this.registry.current, principal, place);
    const caller: Caller = {
      principal,
      offer: EMPTY_OFFER,
      owner: { key: 'gateway:admin-tools', onNotification: () => undefined },
    };
    const { lists, outcomes } = await this.catalog.gather('tools', view, caller);
    const page = aggregatePage('tools', view, lists, Number.POSITIVE_INFINITY, undefined, () => undefined);
    const hasOutcomes = Object.keys(outcomes).length > 0;
    const meta = hasOutcomes ? `,"_meta":${JSON.stringify({ 'gatehouse/outcomes': outcomes })}` : '';
    return `{"tools":[${page.items}]${meta}}`;
  }

  /** Names, in order, of access groups with a server the caller sees; for administrators, of all. */
  async accessGroups(principal: Principal, place: CallerPlace, teamId?: string): Promise<readonly string[]> {
    const snapshot = this.registry.current;
    const ofTeam = teamId === undefined ? undefined : await this.teams.idsOf(principal, teamId, snapshot);
    const { byServerId } = this.#view(snapshot, principal, place);
    return [...snapshot.byGroup]
      .filter(
        ([, members]) =>
          (readsAll(principal) || members.some(({ id }) => byServerId.has(id))) &&
          (ofTeam === undefined || members.some(({ id }) => ofTeam.has(id))),
      )
      .map(([name]) => name)
      .sort();
  }

  /** Who reads everything sees here what an administrator would call. */
  #view(snapshot: RegistrySnapshot, principal: Principal, place: CallerPlace) {
    const reader: Principal = readsAll(principal) ? { ...principal, role: 'proxy_admin' } : principal;
    const decision = resolveView(snapshot, reader, SCOPE_ALL, place);
    if (decision.kind === 'unknown') throw new Error('everything has no unknown names');
    return decision.view;
  }
}
