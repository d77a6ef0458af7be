import type { PermissionLevel } from '../model/permission.js';
import type { Principal } from '../model/principal.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import {
  compileLevel,
  intersectGrants,
  intersectTools,
  toolEntries,
  type LevelGrant,
  type ServerGrant,
} from './level-grant.js';

/** What one level says about a caller. */
export interface LevelVerdict {
  readonly level: PermissionLevel;
  /** Undefined: it says nothing. */
  readonly grant: LevelGrant | undefined;
  /** It says nothing, and an installation that requires it to (reference §1.5) reads that as nothing allowed. */
  readonly isRequired: boolean;
}

/** What a caller is granted, by server id, before the request narrows it. */
export type EffectiveGrant = ReadonlyMap<string, ServerGrant>;

const NOTHING: LevelGrant = new Map();
const WHOLE: ServerGrant = Object.freeze({ tools: undefined, source: 'server' });

/** Same text, same grant within one snapshot. */
export function grantKey(snapshot: RegistrySnapshot, principal: Principal): string {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return principal.role;
  const key = mustKeySpeak(snapshot, principal) ? 'key' : '';
  const endUser = mustEndUserSpeak(snapshot, principal) ? 'end_user' : '';
  return `${key}|${endUser}|${principal.grants.fingerprint}`;
}

/** What every level of the caller says, those that must say something included. */
export function levelVerdicts(snapshot: RegistrySnapshot, principal: Principal): readonly LevelVerdict[] {
  const { levels } = principal.grants;
  const team = levels.find(({ level }) => level === 'team')?.permission;
  const teamGrant = team && compileLevel(snapshot, 'team', team, undefined);
  const verdicts = levels.map(({ level, permission }): LevelVerdict => ({
    level,
    grant: compileLevel(snapshot, level, permission, teamGrant),
    isRequired: false,
  }));
  const silent = requiredLevels(snapshot, principal).filter(
    (level) => !verdicts.some((verdict) => verdict.level === level && verdict.grant !== undefined),
  );
  return [
    ...verdicts.filter(({ level }) => !silent.includes(level)),
    ...silent.map((level): LevelVerdict => ({ level, grant: NOTHING, isRequired: true })),
  ];
}

/**
 * The intersection of the levels that say something, and the servers open to all keys (contract §9). If none says
 * something, or only the end user does: nothing but those. A proxy admin has everything, a viewer calls nothing.
 */
export function effectiveGrant(snapshot: RegistrySnapshot, principal: Principal): EffectiveGrant {
  if (principal.role === 'proxy_admin') return new Map(snapshot.servers.map(({ id }) => [id, WHOLE]));
  if (principal.role === 'proxy_admin_viewer') return NOTHING;
  const grant = new Map(intersectLevels(levelVerdicts(snapshot, principal)));
  const shared = snapshot.servers.filter(({ id, allowAllKeys }) => allowAllKeys && !grant.has(id));
  if (shared.length === 0) return grant;
  // What every level's tool entries leave of them.
  const entries = principal.grants.levels.map(({ permission }) => toolEntries(snapshot, permission));
  for (const { id } of shared) {
    let tools: ReadonlySet<string> | undefined;
    for (const ofLevel of entries) tools = intersectTools(tools, ofLevel.get(id));
    grant.set(id, { tools, source: 'server' });
  }
  return grant;
}

function intersectLevels(verdicts: readonly LevelVerdict[]): EffectiveGrant {
  // An end user narrows only: they make no grant out of nothing.
  if (!verdicts.some(({ level, grant }) => grant !== undefined && level !== 'end_user')) return NOTHING;
  const [first = NOTHING, ...others] = verdicts.flatMap(({ grant }) => grant ?? []);
  const result = new Map<string, ServerGrant>();
  for (const [id, granted] of first) {
    let common: ServerGrant | undefined = granted;
    for (const other of others) {
      const also: ServerGrant | undefined = other.get(id);
      common = common === undefined || also === undefined ? undefined : intersectGrants(common, also);
    }
    if (common === undefined) continue;
    // Without a tool left, a server is still there for its prompts and resources, if every level named the server itself.
    if (common.tools?.size !== 0 || common.source === 'server') result.set(id, common);
  }
  return result;
}

function requiredLevels(snapshot: RegistrySnapshot, principal: Principal): readonly PermissionLevel[] {
  const required: PermissionLevel[] = [];
  if (mustKeySpeak(snapshot, principal)) required.push('key');
  if (mustEndUserSpeak(snapshot, principal)) required.push('end_user');
  return required;
}

function mustKeySpeak({ accessRules }: RegistrySnapshot, { kind }: Principal): boolean {
  return accessRules.requireKeyAccess && kind === 'virtual_key';
}

function mustEndUserSpeak({ accessRules }: RegistrySnapshot, { endUserId }: Principal): boolean {
  return accessRules.requireEndUserAccess && endUserId !== undefined;
}
