import type { ServerView } from '../../../core/model/access-view.js';
import type { UpstreamInfo } from '../../../engine/upstream/upstream.js';

/** What a server that is granted for its tools alone does not offer. */
const CONTENT: ReadonlySet<string> = new Set(['prompts', 'resources', 'completions']);
/** Lists the gateway makes itself, and tells the changes of. */
const LISTED = ['tools', 'prompts', 'resources'] as const;
/** Depth to which objects are united; below it the first server's word stands. */
const DEPTH_MAX = 4;

type Json = Readonly<Record<string, unknown>>;

/**
 * What the servers of a view offer together: whatever one of them offers. Lists are the gateway's own, so only their
 * `subscribe` is the servers'; extensions, experiments and members we do not know are united by name.
 *
 * @param isComplete false: a server could not be asked; it may offer anything that is listed, so lists are declared.
 */
export function mergeCapabilities(
  infos: ReadonlyMap<ServerView, UpstreamInfo>,
  isComplete: boolean,
): Record<string, unknown> {
  // What servers call their members is their business: `toString` is one like any other.
  const merged = Object.create(null) as Record<string, unknown>;
  for (const name of LISTED) {
    const offered = offers(infos, name);
    if (isComplete && offered.length === 0) continue;
    const subscribes = name === 'resources' && offered.some((capability) => asObject(capability)['subscribe'] === true);
    merged[name] = { ...(subscribes ? { subscribe: true } : {}), listChanged: true };
  }
  const others = new Set([...infos.values()].flatMap(({ capabilities }) => Object.keys(capabilities)));
  for (const name of others) {
    if ((LISTED as readonly string[]).includes(name)) continue;
    for (const capability of offers(infos, name)) merged[name] = unite(merged[name], capability, DEPTH_MAX);
    if (merged[name] === undefined) delete merged[name];
  }
  return merged;
}

function offers(infos: ReadonlyMap<ServerView, UpstreamInfo>, name: string): unknown[] {
  return [...infos]
    .filter(([{ toolsOnly }]) => !(toolsOnly && CONTENT.has(name)))
    .map(([, { capabilities }]) => capabilities[name])
    .filter((capability) => capability !== undefined);
}

function unite(known: unknown, next: unknown, depth: number): unknown {
  if (known === undefined || known === false) return next;
  if (!isObject(known) || !isObject(next) || depth === 0) return known;
  const united = Object.assign(Object.create(null) as Record<string, unknown>, known);
  for (const [name, value] of Object.entries(next)) united[name] = unite(united[name], value, depth - 1);
  return united;
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
