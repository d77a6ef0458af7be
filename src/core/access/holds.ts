import { ALL_SERVERS, ALL_TEAM_SERVERS, NO_SERVERS, type Grants, type ObjectPermission } from '../model/permission.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import type { ServerEntry } from '../model/server-entry.js';
import {
  compileLevel,
  findToolset,
  saysSomething,
  toolEntries,
  type LevelGrant,
  type ServerGrant,
} from './level-grant.js';

/** One entry of a permission, as it was given. */
export interface GrantEntry {
  /** Server, group or toolset. */
  readonly named: string;
  /** Of an entry for one tool. */
  readonly tool?: string;
}

/**
 * Nobody grants more than they hold (contract §9): the entries of `requested`, as written, that the asker does not hold.
 * `levels` are all that narrow the asker; none that says something holds only what is open to all keys. What has a meaning
 * that may grow (a group, a toolset, the whole registry) must be held by that name. `current` is what the owner has
 * already: keeping it, or part of it, is no grant. Entries that mean nothing are not held either, so that the answer does
 * not tell what exists.
 */
export function unheldEntries(
  snapshot: RegistrySnapshot,
  requested: ObjectPermission,
  levels: Grants['levels'],
  current?: ObjectPermission,
): readonly GrantEntry[] {
  const held = holders(snapshot, levels);
  const kept = current === undefined ? [] : holders(snapshot, [{ level: 'team', permission: current }]);
  const isHeld = (holds: (holder: Holder) => boolean): boolean =>
    held.every(holds) || (kept.length > 0 && kept.every(holds));

  const ownEntries = toolEntries(snapshot, requested);
  const whole = (server: ServerEntry): ServerGrant => ({ tools: ownEntries.get(server.id), source: 'server' });
  const coversServer =
    (server: ServerEntry) =>
    (holder: Holder): boolean =>
      covers(holder, server, whole(server));

  const servers = (requested.servers ?? []).filter((handle) => {
    if (handle === NO_SERVERS || handle === ALL_TEAM_SERVERS) return false;
    if (handle === ALL_SERVERS) {
      return !isHeld((holder) => holder.names(ALL_SERVERS) && snapshot.servers.every((s) => coversServer(s)(holder)));
    }
    const server = snapshot.byHandle.get(handle.toLowerCase());
    return server === undefined || !isHeld(coversServer(server));
  });
  const groups = (requested.accessGroups ?? []).filter((group) => {
    const members = snapshot.byGroup.get(group) ?? [];
    return !isHeld((holder) => holder.names(group) && members.every((server) => coversServer(server)(holder)));
  });
  const toolsets = (requested.toolsets ?? []).filter((named) => {
    const id = findToolset(snapshot, named)?.id ?? named;
    return !isHeld((holder) => holder.names(id));
  });
  const tools = Object.entries(requested.toolPermissions ?? {}).flatMap(([handle, names]) => {
    const server = snapshot.byHandle.get(handle.toLowerCase());
    return names
      .filter(
        (name) =>
          server === undefined ||
          !isHeld((holder) => covers(holder, server, { tools: new Set([name]), source: 'entries' })),
      )
      .map((tool) => ({ named: handle, tool }));
  });
  return [...[...servers, ...groups, ...toolsets].map((named) => ({ named })), ...tools];
}

/**
 * The entries of `requested`, as written, that lie outside what a ceiling grants (reference §3.6); one that says
 * nothing is none. The ceiling narrows at
 * every call too, so naming a whole server of which it grants a part is no trespass; naming another server, or a tool
 * outside that part, is.
 */
export function entriesBeyond(
  snapshot: RegistrySnapshot,
  requested: ObjectPermission,
  ceiling: ObjectPermission,
): readonly GrantEntry[] {
  const [holder] = holders(snapshot, [{ level: 'team', permission: ceiling }]);
  if (holder === undefined || !saysSomething(ceiling)) return [];
  const grants = ({ id, allowAllKeys }: ServerEntry): boolean => allowAllKeys || holder.grant.has(id);
  const written = new Set(ceiling.servers?.map((handle) => handle.toLowerCase()));

  const servers = (requested.servers ?? []).filter((handle) => {
    if (handle === NO_SERVERS || handle === ALL_TEAM_SERVERS) return false;
    if (handle === ALL_SERVERS) return !holder.names(ALL_SERVERS);
    const server = snapshot.byHandle.get(handle.toLowerCase());
    return server === undefined ? !written.has(handle.toLowerCase()) : !grants(server);
  });
  const groups = (requested.accessGroups ?? []).filter((group) => {
    const members = snapshot.byGroup.get(group) ?? [];
    return !holder.names(group) && (members.length === 0 || !members.every(grants));
  });
  const toolsets = (requested.toolsets ?? []).filter((named) => {
    const toolset = findToolset(snapshot, named);
    if (holder.names(toolset?.id ?? named)) return false;
    return toolset === undefined || ![...toolset.tools.keys()].every((id) => holder.grant.has(id));
  });
  const tools = Object.entries(requested.toolPermissions ?? {}).flatMap(([handle, names]) => {
    const server = snapshot.byHandle.get(handle.toLowerCase());
    if (server === undefined) return written.has(handle.toLowerCase()) || names.length === 0 ? [] : [{ named: handle }];
    const granted = grantOf(holder, server);
    return names
      .filter((name) => !(granted !== undefined && includes(granted, name)))
      .map((tool) => ({ named: handle, tool }));
  });
  return [...[...servers, ...groups, ...toolsets].map((named) => ({ named })), ...tools];
}

/** One level that says something, with what it grants and which names it holds. */
interface Holder {
  readonly grant: LevelGrant;
  readonly entries: ReadonlyMap<string, ReadonlySet<string>>;
  /** Holds this group, toolset id or sentinel by name. */
  names(name: string): boolean;
}

/** One for every level that says something; a holder of nothing when none does. */
function holders(snapshot: RegistrySnapshot, levels: Grants['levels']): readonly Holder[] {
  const team = levels.find(({ level }) => level === 'team')?.permission;
  const teamGrant = team && compileLevel(snapshot, 'team', team, undefined);
  const saying = levels.flatMap(({ level, permission }) => {
    const grant = compileLevel(snapshot, level, permission, teamGrant);
    if (grant === undefined) return [];
    const { servers = [], accessGroups = [], toolsets = [] } = permission;
    const names = new Set([...accessGroups, ...toolsets.map((named) => findToolset(snapshot, named)?.id ?? named)]);
    // Whatever the team holds by name, this key does too: the team's own level answers for it.
    const isOpen =
      !servers.includes(NO_SERVERS) &&
      (servers.includes(ALL_SERVERS) ||
        (level === 'key' && teamGrant !== undefined && servers.includes(ALL_TEAM_SERVERS)));
    const holder: Holder = {
      grant,
      entries: toolEntries(snapshot, permission),
      names: (name) => isOpen || (!servers.includes(NO_SERVERS) && names.has(name)),
    };
    return [holder];
  });
  return saying.length > 0 ? saying : [{ grant: new Map(), entries: new Map(), names: () => false }];
}

function covers(holder: Holder, server: ServerEntry, wanted: ServerGrant): boolean {
  const held = grantOf(holder, server);
  if (held === undefined) return false;
  // A toolset grants tools alone: who holds no more cannot give prompts and resources away.
  if (held.source === 'toolset' && wanted.source !== 'toolset') return false;
  if (held.tools === undefined) return true;
  return wanted.tools !== undefined && [...wanted.tools].every((tool) => includes(held, tool));
}

/** Servers open to all keys are held by everybody, but for tools that an entry of the level takes away. */
function grantOf(holder: Holder, server: ServerEntry): ServerGrant | undefined {
  const granted = holder.grant.get(server.id);
  if (granted !== undefined || !server.allowAllKeys) return granted;
  return { tools: holder.entries.get(server.id), source: 'server' };
}

function includes({ tools }: ServerGrant, name: string): boolean {
  return tools === undefined || tools.has(name);
}
