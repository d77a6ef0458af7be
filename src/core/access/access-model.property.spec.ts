import fc from 'fast-check';
import { makeGrants } from '../../../test/factory/make-principal.js';
import { makeServerEntry, makeSnapshot } from '../../../test/factory/make-server-entry.js';
import type { AccessView } from '../model/access-view.js';
import {
  ALL_SERVERS,
  ALL_TEAM_SERVERS,
  NO_SERVERS,
  type ObjectPermission,
  type PermissionLevel,
} from '../model/permission.js';
import type { Principal, Role } from '../model/principal.js';
import type { RegistrySnapshot, ToolsetEntry } from '../model/registry-snapshot.js';
import { explainAccess } from './explain-access.js';
import { SCOPE_ALL, type RequestScope } from './request-scope.js';
import { resolveView } from './resolve-view.js';

// Contract §9 and §3 once more, written as yes-or-no questions about one server and one tool, sharing nothing with the
// product: what both say of thousands of random installations and callers must be the same.

const SERVERS = ['s0', 's1', 's2', 's3'] as const;
const TOOLS = ['t0', 't1', 't2', 't3'] as const;
const GROUPS = ['g0', 'g1'] as const;
const TOOLSETS = ['k0', 'k1'] as const;
const LEVELS: readonly PermissionLevel[] = ['key', 'team', 'organization', 'user', 'end_user'];

interface ModelServer {
  readonly groups: readonly string[];
  readonly open: boolean;
  readonly shared: boolean;
  readonly listed: boolean;
  readonly allowed: readonly string[] | undefined;
  readonly disallowed: readonly string[];
}

interface World {
  readonly servers: readonly ModelServer[];
  readonly toolsets: readonly (readonly (readonly [server: number, tool: string])[])[];
  readonly requireKey: boolean;
  readonly requireEndUser: boolean;
}

interface Asker {
  readonly role: Role;
  readonly kind: 'virtual_key' | 'jwt';
  readonly levels: Partial<Record<PermissionLevel, ObjectPermission>>;
  readonly hasEndUser: boolean;
  readonly external: boolean;
}

class Model {
  constructor(
    private readonly world: World,
    private readonly asker: Asker,
  ) {}

  /** Of a scope: is there anything for this name? */
  private knows(name: string): boolean {
    const server = serverOf(name);
    if (server !== undefined) return this.sees(server);
    if ((GROUPS as readonly string[]).includes(name)) return this.members(name).some((member) => this.sees(member));
    return this.pairs(name).some(([member, tool]) => this.sees(member) && this.granted(member, tool));
  }

  unknownNames(scope: RequestScope): readonly string[] {
    if (scope.kind === 'all') return [];
    if (scope.kind === 'toolset') {
      return this.pairs(scope.name).length > 0 && this.knows(scope.name) ? [] : [scope.name];
    }
    return scope.names.filter((name) => !this.knows(name));
  }

  callable(scope: RequestScope, server: number, tool: string): boolean {
    if (!this.sees(server) || !this.granted(server, tool) || !this.policyAllows(server, tool)) return false;
    if (scope.kind === 'all') return true;
    const names = scope.kind === 'toolset' ? [scope.name] : scope.names;
    return (
      this.asksWhole(scope, server) ||
      names.some((name) => this.pairs(name).some(([member, named]) => member === server && named === tool))
    );
  }

  showsContent(scope: RequestScope, server: number): boolean {
    return this.sees(server) && this.grantsContent(server) && this.asksWhole(scope, server);
  }

  isVisible(server: number): boolean {
    return this.sees(server);
  }

  private asksWhole(scope: RequestScope, server: number): boolean {
    if (scope.kind === 'all') return true;
    if (scope.kind === 'toolset') return false;
    return scope.names.some((name) => serverOf(name) === server || this.members(name).includes(server));
  }

  private sees(server: number): boolean {
    const { open, listed } = this.at(server);
    return (this.isIn(server) || this.isShared(server)) && (!this.asker.external || open || listed);
  }

  private granted(server: number, tool: string): boolean {
    if (this.asker.role === 'proxy_admin') return true;
    if (this.isIn(server)) return this.saying().every((level) => this.levelGrants(level, server, tool));
    return (
      this.isShared(server) &&
      LEVELS.every((level) => {
        const entry = this.entry(this.asker.levels[level], server);
        return entry === undefined || entry.includes(tool);
      })
    );
  }

  private grantsContent(server: number): boolean {
    if (this.asker.role === 'proxy_admin' || !this.isIn(server)) return true;
    return this.saying().every((level) => this.contentOf(level, server) !== 'none');
  }

  /** In the intersection of the levels: with a tool left, or named as a server by all of them. */
  private isIn(server: number): boolean {
    if (this.asker.role === 'proxy_admin') return true;
    const saying = this.saying();
    if (!saying.some((level) => level !== 'end_user')) return false;
    if (!saying.every((level) => this.contentOf(level, server) !== 'none' || this.someToolsetTool(level, server))) {
      return false;
    }
    return (
      TOOLS.some((tool) => saying.every((level) => this.levelGrants(level, server, tool))) ||
      saying.every((level) => this.contentOf(level, server) === 'server')
    );
  }

  private isShared(server: number): boolean {
    return this.asker.role !== 'proxy_admin_viewer' && this.at(server).shared;
  }

  private saying(): readonly PermissionLevel[] {
    if (this.asker.role === 'proxy_admin_viewer') return [];
    return LEVELS.filter((level) => says(this.asker.levels[level]) || this.mustSay(level));
  }

  private mustSay(level: PermissionLevel): boolean {
    if (level === 'key') return this.world.requireKey && this.asker.kind === 'virtual_key';
    return level === 'end_user' && this.world.requireEndUser && this.asker.hasEndUser;
  }

  private levelGrants(level: PermissionLevel, server: number, tool: string): boolean {
    const permission = this.asker.levels[level];
    if (permission === undefined || !says(permission)) return false;
    const entry = this.entry(permission, server);
    const entryAllows = entry === undefined || entry.includes(tool);
    if (hasNoLists(permission)) return entry?.includes(tool) === true;
    if (permission.servers?.includes(NO_SERVERS) === true) return false;
    if (this.names(permission, server) && entryAllows) return true;
    if (this.borrowsTeam(level) && entryAllows && this.levelGrants('team', server, tool)) return true;
    return (permission.toolsets ?? []).some((name) =>
      this.pairs(name).some(([member, named]) => member === server && named === tool),
    );
  }

  /** Whether a level grants prompts and resources of the server, and as strongly as by naming it. */
  private contentOf(level: PermissionLevel, server: number): 'none' | 'entries' | 'server' {
    const permission = this.asker.levels[level];
    if (permission === undefined || !says(permission)) return 'none';
    if (hasNoLists(permission)) return this.entry(permission, server) === undefined ? 'none' : 'entries';
    if (permission.servers?.includes(NO_SERVERS) === true) return 'none';
    if (this.names(permission, server)) return 'server';
    return this.borrowsTeam(level) ? this.contentOf('team', server) : 'none';
  }

  private someToolsetTool(level: PermissionLevel, server: number): boolean {
    return TOOLS.some((tool) => this.levelGrants(level, server, tool)) || this.borrowsEmptyToolset(level, server);
  }

  /** A team's toolset of which the key's own entries leave nothing: there by name, without a tool. */
  private borrowsEmptyToolset(level: PermissionLevel, server: number): boolean {
    return this.borrowsTeam(level) && TOOLS.some((tool) => this.levelGrants('team', server, tool));
  }

  private borrowsTeam(level: PermissionLevel): boolean {
    return level === 'key' && this.asker.levels.key?.servers?.includes(ALL_TEAM_SERVERS) === true;
  }

  private names({ servers = [], accessGroups = [] }: ObjectPermission, server: number): boolean {
    return (
      servers.includes(ALL_SERVERS) ||
      servers.some((handle) => serverOf(handle) === server) ||
      accessGroups.some((group) => this.members(group).includes(server))
    );
  }

  private entry(permission: ObjectPermission | undefined, server: number): readonly string[] | undefined {
    const entries = Object.entries(permission?.toolPermissions ?? {}).filter(([handle]) => serverOf(handle) === server);
    return entries.length === 0 ? undefined : entries.flatMap(([, tools]) => tools);
  }

  private policyAllows(server: number, tool: string): boolean {
    const { allowed, disallowed } = this.at(server);
    return allowed === undefined ? !disallowed.includes(tool) : allowed.includes(tool);
  }

  private members(group: string): readonly number[] {
    return SERVERS.flatMap((_name, index) => (this.at(index).groups.includes(group) ? [index] : []));
  }

  private pairs(name: string): readonly (readonly [server: number, tool: string])[] {
    return this.world.toolsets[TOOLSETS.findIndex((id) => name === id || name === `id-${id}`)] ?? [];
  }

  private at(server: number): ModelServer {
    const found = this.world.servers[server];
    if (found === undefined) throw new Error('no such server');
    return found;
  }
}

function says(permission: ObjectPermission | undefined): boolean {
  if (permission === undefined) return false;
  return !hasNoLists(permission) || Object.keys(permission.toolPermissions ?? {}).length > 0;
}

function hasNoLists({ servers, accessGroups, toolsets }: ObjectPermission): boolean {
  return servers === undefined && accessGroups === undefined && toolsets === undefined;
}

/** `s1`, its id or alias, in any case. */
function serverOf(handle: string): number | undefined {
  const name = handle.toLowerCase().replace(/^(id-|a)(?=s\d$)/, '');
  const index = (SERVERS as readonly string[]).indexOf(name);
  return index === -1 ? undefined : index;
}

function snapshotOf(world: World): RegistrySnapshot {
  const entries = SERVERS.map((name, index) => {
    const server = world.servers[index];
    if (server === undefined) throw new Error('no such server');
    return makeServerEntry(name, {
      alias: `a${name}`,
      accessGroups: [...new Set(server.groups)],
      allowAllKeys: server.shared,
      availableOnPublicInternet: server.open,
      tools: {
        allowed: server.allowed === undefined ? undefined : new Set(server.allowed),
        disallowed: new Set(server.disallowed),
        allowedParams: new Map(),
      },
    });
  });
  const toolsets = TOOLSETS.map((name, index): ToolsetEntry => {
    const tools = new Map<string, Set<string>>();
    for (const [server, tool] of world.toolsets[index] ?? []) {
      const id = entries[server]?.id ?? '';
      tools.set(id, (tools.get(id) ?? new Set()).add(tool));
    }
    return { id: `id-${name}`, name, description: undefined, tools };
  });
  return makeSnapshot(entries, {
    byToolset: new Map(
      toolsets.flatMap((toolset) => [[toolset.id, toolset] as const, [toolset.name, toolset] as const]),
    ),
    publicServers: new Set(entries.filter((_entry, index) => world.servers[index]?.listed).map(({ id }) => id)),
    accessRules: { requireKeyAccess: world.requireKey, requireEndUserAccess: world.requireEndUser },
  });
}

const tools = fc.subarray([...TOOLS]);
const rarely = (weight: number): fc.Arbitrary<boolean> =>
  fc.integer({ min: 0, max: 99 }).map((chance) => chance < weight);
const handle = fc
  .tuple(fc.constantFrom(...SERVERS), fc.constantFrom('', 'id-', 'a'), fc.boolean())
  .map(([name, form, upper]) => (upper ? `${form}${name}`.toUpperCase() : `${form}${name}`));
const listedHandle = fc.oneof(
  { weight: 20, arbitrary: handle },
  { weight: 1, arbitrary: fc.constantFrom(NO_SERVERS, ALL_SERVERS, 'nobody') },
  { weight: 3, arbitrary: fc.constant(ALL_TEAM_SERVERS) },
);
const permission: fc.Arbitrary<ObjectPermission> = fc.record(
  {
    servers: fc.array(listedHandle, { maxLength: 4 }),
    accessGroups: fc.array(fc.constantFrom(...GROUPS, 'nobody'), { maxLength: 2 }),
    toolsets: fc.array(fc.constantFrom(...TOOLSETS, 'id-k0', 'nobody'), { maxLength: 2 }),
    toolPermissions: fc.dictionary(handle, tools, { maxKeys: 3 }),
  },
  { requiredKeys: [] },
);
const world: fc.Arbitrary<World> = fc.record({
  servers: fc.tuple(
    ...SERVERS.map(() =>
      fc.record({
        groups: fc.subarray([...GROUPS]),
        open: fc.boolean(),
        shared: rarely(20),
        listed: rarely(20),
        allowed: fc.option(tools, { nil: undefined, freq: 1 }),
        disallowed: tools,
      }),
    ),
  ),
  toolsets: fc.tuple(
    ...TOOLSETS.map(() =>
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom(...TOOLS)), { maxLength: 6 }),
    ),
  ),
  requireKey: rarely(15),
  requireEndUser: rarely(15),
});
const asker: fc.Arbitrary<Asker> = fc.record({
  role: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom<Role>('internal_user', 'internal_user_viewer', 'org_admin') },
    { weight: 1, arbitrary: fc.constantFrom<Role>('proxy_admin', 'proxy_admin_viewer') },
  ),
  kind: fc.constantFrom<Asker['kind']>('virtual_key', 'virtual_key', 'jwt'),
  levels: fc.record(
    { key: permission, team: permission, organization: permission, user: permission, end_user: permission },
    { requiredKeys: [] },
  ),
  hasEndUser: fc.boolean(),
  external: fc.boolean(),
});
const scope: fc.Arbitrary<RequestScope> = fc.oneof(
  fc.constant<RequestScope>({ kind: 'all' }),
  fc
    .array(fc.oneof(handle, fc.constantFrom(...GROUPS, ...TOOLSETS, 'nobody')), { maxLength: 3 })
    .map((names): RequestScope => ({ kind: 'named', names, source: 'filter' })),
  fc.constantFrom(...TOOLSETS, 'nobody', 's0').map((name): RequestScope => ({ kind: 'toolset', name })),
);

function principalOf({ role, kind, levels, hasEndUser }: Asker): Principal {
  return { kind, id: 'x', role, grants: makeGrants(levels), ...(hasEndUser ? { endUserId: 'e' } : {}) };
}

/** What the view says, as the listing and the calling side read it. */
function readView(view: AccessView) {
  const listed = view.servers.flatMap((server) =>
    TOOLS.filter((tool) => server.allowsTool(tool)).map((tool) => `${server.entry.name}.${tool}`),
  );
  const callable = SERVERS.flatMap((name) =>
    TOOLS.filter((tool) => view.byPrefix.get(`a${name}`)?.allowsTool(tool)).map((tool) => `${name}.${tool}`),
  );
  const callableById = SERVERS.flatMap((name) =>
    TOOLS.filter((tool) => view.byServerId.get(`id-${name}`)?.allowsTool(tool)).map((tool) => `${name}.${tool}`),
  );
  return { listed, callable, callableById, content: view.content.servers.map(({ entry }) => entry.name) };
}

describe('the access decision', () => {
  it('equals a brute-force model, and what is listed is what is callable, for random installations and callers', () => {
    fc.assert(
      fc.property(world, asker, scope, (someWorld, someAsker, someScope) => {
        const model = new Model(someWorld, someAsker);
        const decision = resolveView(snapshotOf(someWorld), principalOf(someAsker), someScope, {
          external: someAsker.external,
        });
        const unknown = model.unknownNames(someScope);
        if (unknown.length > 0) {
          expect(decision).toEqual({ kind: 'unknown', names: unknown });
          return;
        }
        if (decision.kind !== 'view') throw new Error(`unknown: ${decision.names.join()}`);
        const expected = SERVERS.flatMap((name, index) =>
          TOOLS.filter((tool) => model.callable(someScope, index, tool)).map((tool) => `${name}.${tool}`),
        );
        expect(readView(decision.view)).toEqual({
          listed: expected,
          callable: expected,
          callableById: expected,
          content: SERVERS.filter((_name, index) => model.showsContent(someScope, index)),
        });
      }),
      { numRuns: 4_000 },
    );
  });

  it('is explained as it is, and its steps say the same', () => {
    fc.assert(
      fc.property(
        world,
        asker,
        fc.nat(3),
        fc.option(fc.constantFrom(...TOOLS)),
        (someWorld, someAsker, index, tool) => {
          const model = new Model(someWorld, someAsker);
          const question = { server: SERVERS[index] ?? '', ...(tool === null ? {} : { tool }) };
          const place = { external: someAsker.external };
          const principal = principalOf(someAsker);
          const told = explainAccess(snapshotOf(someWorld), principal, question, { place, tellsAll: true });
          const allowed =
            tool === null ? model.isVisible(index) : model.callable(SCOPE_ALL, index, tool) && model.isVisible(index);
          expect(told.allowed).toBe(allowed);
          expect(told.content).toBe(model.showsContent(SCOPE_ALL, index));
          const saying = told.steps.filter(({ step }) => !(LEVELS as readonly string[]).includes(step));
          const shared = saying.some(({ step }) => step === 'allow_all_keys');
          const decisive = saying.filter(({ step }) => !(shared && step === 'intersection'));
          expect(decisive.every(({ says }) => says === 'allows')).toBe(allowed);

          const own = explainAccess(snapshotOf(someWorld), principal, question, { place, tellsAll: false });
          expect(own.allowed).toBe(allowed);
          const nobody = explainAccess(
            snapshotOf(someWorld),
            principal,
            { ...question, server: 'nobody' },
            { tellsAll: false },
          );
          if (own.server === undefined) expect(own).toEqual({ ...nobody, words: own.words });
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
