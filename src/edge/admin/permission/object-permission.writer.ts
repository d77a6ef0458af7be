import { Inject, Injectable } from '@nestjs/common';
import { entriesBeyond, unheldEntries, type GrantEntry } from '../../../core/access/holds.js';
import { compileLevel, saysSomething } from '../../../core/access/level-grant.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { ObjectPermissionDefinition } from '../../../core/definition/object-permission.definition.js';
import { openRecord } from '../../../core/definition/storable.js';
import { validateDefinition } from '../../../core/definition/validate-definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Grants, ObjectPermission, PermissionLevel } from '../../../core/model/permission.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import {
  findToolsetIds,
  readOrganizationGrants,
  readKept,
  readTeamGrants,
  savePermission,
  type KeptPermission,
} from './object-permission.store.js';
import { presentPermission, type PermissionRow } from './present-permission.js';
import { resolveGrants } from './resolve-grants.js';

/** One write of an owner's `object_permission`. */
export interface PermissionWrite {
  /** Who writes. */
  readonly actor: Principal;
  /** The owner's permission row as it is. */
  readonly currentId: string | null;
  /** The raw member of the body: undefined and null change nothing. */
  readonly given: unknown;
  /**
   * Whose grant the owner lives under; the actor is known to act for it. A key of a team may name what the team has; a team
   * of an organization what that has.
   */
  readonly ceiling?: { readonly teamId?: string | null; readonly organizationId?: string | null } | undefined;
  /** The owner is being made: a key with permissions of its own must then say what it grants. */
  readonly creating?: boolean;
}

interface Ceiling {
  readonly level: PermissionLevel;
  readonly permission: ObjectPermission;
  /** `Key requests MCP servers not allowed by team 'x'` without the list. */
  readonly words: string;
  readonly owner: 'Team' | 'Organization';
}

/** What is stored for a word to that word: messages repeat what was written, and tell no other name of it. */
type Spelling = ReadonlyMap<string, string>;

/** Entries one permission may hold. */
const ENTRIES_MAX = 10_000;

const GRANT_FIELDS = {
  mcp_servers: 'servers',
  mcp_access_groups: 'accessGroups',
  mcp_toolsets: 'toolsets',
  mcp_tool_permissions: 'toolPermissions',
} as const satisfies Record<string, keyof ObjectPermission>;

/** Writes and shows `object_permission` for whoever has one. Nobody grants more than they hold (contract §9). */
@Injectable()
export class ObjectPermissionWriter {
  constructor(@Inject(RegistryService) private readonly registry: RegistryService) {}

  /**
   * Merges `given` onto the current row, field by field: what is there replaces, what is absent stays, null says nothing,
   * an empty list allows nothing. Answers the row's id; null when there is none.
   *
   * @throws ValidationFailed (422), or `grant/forbidden` naming the entries that are not the actor's to give.
   */
  async apply(unit: ControlUnit, write: PermissionWrite): Promise<string | null> {
    const { actor, currentId, given, creating } = write;
    if (given === undefined || given === null) {
      if (creating === true) await this.#refuseUnheld(unit, write, {}, {});
      return currentId;
    }
    const written = readGiven(given);
    const current = await readKept(unit.tx, currentId);
    const { snapshot, next, spelling } = await this.#resolve(unit, current, written);
    if (entryCount(next.grants) > ENTRIES_MAX) {
      throw new ValidationFailed([problemAt(['object_permission'], `must not hold more than ${ENTRIES_MAX} entries`)]);
    }
    await this.#refuseBeyondCeiling(unit, write, snapshot, next.grants, spelling);
    if (actor.role !== 'proxy_admin') await this.#refuseUnheld(unit, write, next.grants, current.grants, spelling);
    return await savePermission(unit.tx, currentId, next);
  }

  /** The wire form of a row. */
  present(row: PermissionRow | null): object | null {
    return presentPermission(row);
  }

  async #resolve(
    { tx }: ControlUnit,
    current: KeptPermission,
    written: Readonly<Record<string, unknown>>,
  ): Promise<{ snapshot: RegistrySnapshot; next: KeptPermission; spelling: Spelling }> {
    const snapshot = this.registry.current;
    const other: Record<string, unknown> = { ...current.other };
    const grants: Record<string, unknown> = { ...current.grants };
    for (const [name, value] of Object.entries(written)) {
      const field = Object.hasOwn(GRANT_FIELDS, name) ? GRANT_FIELDS[name as keyof typeof GRANT_FIELDS] : undefined;
      const target = field === undefined ? other : grants;
      if (value === null || value === undefined) Reflect.deleteProperty(target, field ?? name);
      else target[field ?? name] = value;
    }
    const merged = grants as ObjectPermission;
    const toolsetIds = await findToolsetIds(tx, merged.toolsets ?? []);
    const next = { grants: resolveGrants(snapshot, toolsetIds, merged), other };
    return { snapshot, next, spelling: spellingOf(snapshot, toolsetIds, merged) };
  }

  async #refuseBeyondCeiling(
    unit: ControlUnit,
    write: PermissionWrite,
    snapshot: RegistrySnapshot,
    requested: ObjectPermission,
    spelling: Spelling,
  ): Promise<void> {
    for (const { level, permission, words, owner } of await ceilingsOf(unit, write)) {
      const grant = compileLevel(snapshot, level, permission, undefined);
      if (grant === undefined) continue;
      const beyond = entriesBeyond(snapshot, requested, permission);
      if (beyond.length === 0) continue;
      const allowed = snapshot.servers.filter(({ id }) => grant.has(id)).map(({ name }) => name);
      const global = snapshot.servers.filter(({ allowAllKeys }) => allowAllKeys).map(({ name }) => name);
      throw new GatewayError('grant/forbidden', {
        detail: `${words}: ${list(spelled(beyond, spelling))}. ${owner} allows: ${list(allowed)}. Global (allow_all_keys) servers: ${list(global)}.`,
      });
    }
  }

  async #refuseUnheld(
    unit: ControlUnit,
    write: PermissionWrite,
    requested: ObjectPermission,
    current: ObjectPermission,
    spelling: Spelling = new Map(),
  ): Promise<void> {
    const { actor, creating } = write;
    if (actor.role === 'proxy_admin') return;
    const ceilings = await ceilingsOf(unit, write);
    const own = actor.grants.levels.filter(({ permission }) => saysSomething(permission));
    const isNarrowed = own.some(({ level }) => level === 'key');
    if (!saysSomething(requested)) {
      const inherits = ceilings.some(({ permission }) => saysSomething(permission));
      const widens = creating === true ? isNarrowed : saysSomething(current) && (isNarrowed || !inherits);
      if (!widens) return;
      throw new GatewayError('grant/forbidden', {
        detail: 'object_permission must name what it grants: saying nothing would lift a restriction you are under',
      });
    }
    // Who acts for a team could have a key of that team: what they hold is what such a key would get.
    const levels: Grants['levels'] = [
      ...own,
      ...ceilings.filter(({ level }) => !own.some((held) => held.level === level)),
    ];
    const unheld = unheldEntries(this.registry.current, requested, levels, current);
    if (unheld.length === 0) return;
    throw new GatewayError('grant/forbidden', {
      detail: `object_permission names what you do not hold: ${list(spelled(unheld, spelling))}`,
    });
  }
}

function readGiven(given: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(given)) throw new ValidationFailed([problemAt(['object_permission'], 'must be a mapping')]);
  // Members nobody checks are kept too, and names of tools are JSON like everything else.
  const unstorable = openRecord(given);
  if (unstorable.length > 0) {
    throw new ValidationFailed(unstorable.map(({ at, message }) => problemAt(['object_permission', ...at], message)));
  }
  const errors = validateDefinition(ObjectPermissionDefinition, given).problems.filter(
    ({ severity }) => severity === 'error',
  );
  if (errors.length > 0) {
    throw new ValidationFailed(errors.map((problem) => ({ ...problem, path: ['object_permission', ...problem.path] })));
  }
  return given;
}

async function ceilingsOf({ tx }: ControlUnit, { ceiling }: PermissionWrite): Promise<readonly Ceiling[]> {
  const ceilings: Ceiling[] = [];
  const { teamId, organizationId } = ceiling ?? {};
  if (teamId !== undefined && teamId !== null) {
    const permission = await readTeamGrants(tx, teamId);
    if (permission === undefined)
      throw new GatewayError('http/not_found', { detail: `Team not found, team_id=${teamId}` });
    const words = `Key requests MCP servers not allowed by team '${teamId}'`;
    ceilings.push({ level: 'team', permission, words, owner: 'Team' });
  }
  if (organizationId !== undefined && organizationId !== null) {
    const permission = await readOrganizationGrants(tx, organizationId);
    if (permission === undefined) {
      throw new GatewayError('http/not_found', { detail: `Organization not found, organization_id=${organizationId}` });
    }
    const words = `MCP servers not allowed by organization '${organizationId}' are requested`;
    ceilings.push({ level: 'organization', permission, words, owner: 'Organization' });
  }
  return ceilings;
}

function entryCount({ servers, accessGroups, toolsets, toolPermissions }: ObjectPermission): number {
  const lists = [servers, accessGroups, toolsets, ...Object.values(toolPermissions ?? {})];
  return lists.reduce((sum, each) => sum + (each?.length ?? 0), 0);
}

function spellingOf(
  snapshot: RegistrySnapshot,
  toolsetIds: ReadonlyMap<string, string>,
  { servers, toolsets, toolPermissions }: ObjectPermission,
): Spelling {
  const handles = [...(servers ?? []), ...Object.keys(toolPermissions ?? {})];
  return new Map([
    ...handles.map((handle) => [snapshot.byHandle.get(handle.toLowerCase())?.id ?? handle, handle] as const),
    ...(toolsets ?? []).map((named) => [toolsetIds.get(named.toLowerCase()) ?? named, named] as const),
  ]);
}

function spelled(entries: readonly GrantEntry[], spelling: Spelling): readonly string[] {
  return entries.map(({ named, tool }) => {
    const word = spelling.get(named) ?? named;
    return tool === undefined ? word : `${word}: ${tool}`;
  });
}

/** As the incumbent prints lists. */
function list(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}
