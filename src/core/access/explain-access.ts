import type { PermissionLevel } from '../model/permission.js';
import type { Principal } from '../model/principal.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import type { ServerEntry } from '../model/server-entry.js';
import { effectiveGrant, levelVerdicts, type LevelVerdict } from './effective-grant.js';
import type { ServerGrant } from './level-grant.js';
import { SCOPE_ALL } from './request-scope.js';
import { resolveView, type CallerPlace } from './resolve-view.js';

/** What is asked about. */
export interface AccessQuestion {
  /** Id, name or alias. */
  readonly server: string;
  /** By the server's own name, or with its prefix; absent: whether the server can be seen at all. */
  readonly tool?: string;
}

/** What one part of the decision said, as data and in words. */
export interface AccessStep {
  readonly step: 'role' | PermissionLevel | 'intersection' | 'allow_all_keys' | 'address' | 'server_policy';
  /** `silent`: it has no say. */
  readonly says: 'allows' | 'denies' | 'silent';
  readonly words: string;
  /** The tools it leaves of the server, where it says so; `all`, or by name. */
  readonly tools?: 'all' | readonly string[];
}

/** The decision, and how it came about. */
export interface AccessExplanation {
  /** What listing and calling go by: the same decision as {@link resolveView}. */
  readonly allowed: boolean;
  /** The server's prompts and resources may be seen too. */
  readonly content: boolean;
  readonly words: string;
  /** The server that is meant; undefined when no server has that name, or none that this caller may know of. */
  readonly server: { readonly id: string; readonly name: string } | undefined;
  readonly tool: string | undefined;
  /** Argument names that calls of the tool may use; undefined: any. */
  readonly allowedParams: readonly string[] | undefined;
  readonly steps: readonly AccessStep[];
}

const LEVEL_NAMES: Readonly<Record<PermissionLevel, string>> = {
  key: 'The key',
  team: 'The team',
  organization: 'The organization',
  user: 'The user',
  end_user: 'The end user',
};

/**
 * Why a caller may or may not see a server, or call a tool of it (contract §9). `tellsAll`: for administrators; others are
 * told of a server that no level of theirs grants as of one that does not exist. Pure.
 */
export function explainAccess(
  snapshot: RegistrySnapshot,
  principal: Principal,
  question: AccessQuestion,
  options: { readonly place?: CallerPlace | undefined; readonly tellsAll: boolean },
): AccessExplanation {
  const named = snapshot.byHandle.get(question.server.toLowerCase());
  const verdicts = levelVerdicts(snapshot, principal);
  const mayKnow =
    named !== undefined &&
    (options.tellsAll ||
      effectiveGrant(snapshot, principal).has(named.id) ||
      verdicts.some(({ grant }) => grant?.has(named.id) === true));
  const server = mayKnow ? named : undefined;
  const tool = server === undefined ? question.tool : ownName(snapshot, server, question.tool);
  const decision = resolveView(snapshot, principal, SCOPE_ALL, options.place);
  const view = decision.kind === 'view' && server !== undefined ? decision.view.byServerId.get(server.id) : undefined;
  const allowed = view !== undefined && (tool === undefined || view.allowsTool(tool));
  return {
    allowed,
    content: view !== undefined && !view.toolsOnly,
    words: words(question, server, allowed),
    server: server === undefined ? undefined : { id: server.id, name: server.name },
    tool,
    allowedParams: allowed && tool !== undefined ? toList(view.entry.tools.allowedParams.get(tool)) : undefined,
    steps: explainSteps(snapshot, principal, verdicts, server, tool, options.place?.external === true),
  };
}

function explainSteps(
  snapshot: RegistrySnapshot,
  principal: Principal,
  verdicts: readonly LevelVerdict[],
  server: ServerEntry | undefined,
  tool: string | undefined,
  external: boolean,
): readonly AccessStep[] {
  const steps: AccessStep[] = [];
  if (principal.role === 'proxy_admin') {
    steps.push({ step: 'role', says: 'allows', words: 'A proxy admin has every server', tools: 'all' });
  } else if (principal.role === 'proxy_admin_viewer') {
    steps.push({ step: 'role', says: 'denies', words: 'A proxy admin viewer calls nothing' });
  } else {
    steps.push(...verdicts.map((verdict) => explainLevel(verdict, server, tool)));
    const granted = server && effectiveGrant(snapshot, principal).get(server.id);
    const says = verdicts.some(({ level, grant }) => grant !== undefined && level !== 'end_user');
    const inIntersection =
      says &&
      server !== undefined &&
      verdicts.every(({ grant }) => grant === undefined || grant.has(server.id)) &&
      granted !== undefined;
    steps.push(explainIntersection(says, inIntersection ? granted : undefined, tool));
    if (server?.allowAllKeys === true && !inIntersection) {
      steps.push({
        step: 'allow_all_keys',
        says: leaves(granted, tool) ? 'allows' : 'denies',
        words: 'The server is open to all keys (allow_all_keys), but for tools that a level takes away',
        ...toolsOf(granted),
      });
    }
  }
  if (server === undefined) return steps;
  if (external) {
    const isPublic = server.availableOnPublicInternet || snapshot.publicServers.has(server.id);
    steps.push({
      step: 'address',
      says: isPublic ? 'allows' : 'denies',
      words: isPublic
        ? 'The caller is outside the internal address ranges, and the server is public'
        : 'The caller is outside the internal address ranges, and the server is not public',
    });
  }
  if (tool !== undefined) steps.push(explainPolicy(server, tool));
  return steps;
}

function explainLevel(
  { level, grant, isRequired }: LevelVerdict,
  server: ServerEntry | undefined,
  tool: string | undefined,
): AccessStep {
  const name = LEVEL_NAMES[level];
  if (isRequired) {
    return { step: level, says: 'denies', words: `${name} says nothing, and this installation requires that it does` };
  }
  if (grant === undefined) return { step: level, says: 'silent', words: `${name} says nothing` };
  const granted = server && grant.get(server.id);
  if (granted === undefined) return { step: level, says: 'denies', words: `${name} does not grant the server` };
  const through = { server: 'as a server', entries: 'by its tools', toolset: 'through a toolset' }[granted.source];
  if (!leaves(granted, tool)) {
    return { step: level, says: 'denies', words: `${name} grants the server, without the tool`, ...toolsOf(granted) };
  }
  return { step: level, says: 'allows', words: `${name} grants it ${through}`, ...toolsOf(granted) };
}

function explainIntersection(says: boolean, granted: ServerGrant | undefined, tool: string | undefined): AccessStep {
  if (!says) {
    return { step: 'intersection', says: 'denies', words: 'No level grants anything: nothing is allowed' };
  }
  const allows = granted !== undefined && leaves(granted, tool);
  return {
    step: 'intersection',
    says: allows ? 'allows' : 'denies',
    words: allows ? 'Every level that says something grants it' : 'Not every level that says something grants it',
    ...toolsOf(granted),
  };
}

function explainPolicy({ tools: { allowed, disallowed } }: ServerEntry, tool: string): AccessStep {
  if (allowed !== undefined) {
    return allowed.has(tool)
      ? { step: 'server_policy', says: 'allows', words: "The tool is one of the server's allowed_tools" }
      : { step: 'server_policy', says: 'denies', words: "The tool is not one of the server's allowed_tools" };
  }
  return disallowed.has(tool)
    ? { step: 'server_policy', says: 'denies', words: "The tool is one of the server's disallowed_tools" }
    : { step: 'server_policy', says: 'allows', words: "The server's own lists do not forbid the tool" };
}

function leaves(granted: ServerGrant | undefined, tool: string | undefined): boolean {
  if (granted === undefined) return false;
  return tool === undefined || granted.tools === undefined || granted.tools.has(tool);
}

function toolsOf(granted: ServerGrant | undefined): Pick<AccessStep, 'tools'> {
  return granted === undefined ? {} : { tools: toList(granted.tools) ?? 'all' };
}

function toList(names: ReadonlySet<string> | undefined): readonly string[] | undefined {
  return names === undefined ? undefined : [...names].sort();
}

/** `gh-search` on server `gh` is asked about as its tool `search`. */
function ownName(snapshot: RegistrySnapshot, server: ServerEntry, tool: string | undefined): string | undefined {
  const start = `${server.prefix}${snapshot.separator}`;
  return tool?.startsWith(start) === true && tool.length > start.length ? tool.slice(start.length) : tool;
}

function words({ server, tool }: AccessQuestion, found: ServerEntry | undefined, allowed: boolean): string {
  if (found === undefined) return `No server "${server}" for this caller`;
  const what = tool === undefined ? `Server "${found.name}"` : `Tool "${tool}" of server "${found.name}"`;
  if (tool === undefined) return `${what} ${allowed ? 'is visible' : 'is not visible'}`;
  return `${what} ${allowed ? 'may be called' : 'may not be called'}`;
}
