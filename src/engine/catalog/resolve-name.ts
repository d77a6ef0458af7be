import { GatewayError } from '../../core/errors/gateway-error.js';
import type { AccessView, ServerView } from '../../core/model/access-view.js';
import { splitPublicName } from '../../core/protocol/public-name.js';
import type { Caller } from './caller.js';
import type { Catalog } from './catalog.js';
import type { ListItem } from './list-item.js';
import type { ServerList } from './server-list.js';

/** A public name, resolved: which server, and what it calls the thing. */
export interface NamedTarget {
  readonly server: ServerView;
  readonly item: ListItem;
}

/** A name that is missing from a list older than this is looked for once more: the upstream may have grown it since. */
const RECHECK_AGE_MS = 2_000;

/**
 * Public tool or prompt name → server and upstream name (contract §4): the prefixed form and, when exactly one visible
 * server has it, the bare form, in every scope. What the view denies is not found, by the same path and in the same
 * words as what does not exist. Answers at once what a held list knows; else a promise, which rejects with
 * `access/unknown_*`, `access/ambiguous_name` or why the server's list is not to be had.
 */
export function resolveName(
  catalog: Catalog,
  kind: 'tools' | 'prompts',
  view: AccessView,
  caller: Caller,
  name: string,
): NamedTarget | Promise<NamedTarget> {
  const isBare = view.naming === 'bare' && view.servers.length === 1;
  const server = isBare ? view.servers[0] : serverOfPrefix(view, name);
  if (server === undefined) return resolveBareName(catalog, kind, view, caller, name);
  const held = catalog.heldList(kind, server, caller);
  const item = held === undefined ? undefined : itemNamed(held, name, isBare);
  const found = item === undefined ? undefined : visible(kind, server, item);
  return found ?? resolveWaiting(catalog, kind, view, caller, name, server, isBare);
}

/** The same for a name that is not in a held list, or not to be seen. */
async function resolveWaiting(
  catalog: Catalog,
  kind: 'tools' | 'prompts',
  view: AccessView,
  caller: Caller,
  name: string,
  server: ServerView,
  isBare: boolean,
): Promise<NamedTarget> {
  const found = await findOn(catalog, kind, server, caller, (list) => itemNamed(list, name, isBare));
  if (found !== undefined) return found;
  if (isBare) throw unknownName(kind, name);
  return await resolveBareName(catalog, kind, view, caller, name);
}

function serverOfPrefix(view: AccessView, name: string): ServerView | undefined {
  const split = splitPublicName(name, view.separator);
  return split === undefined ? undefined : view.byPrefix.get(split.prefix);
}

function itemNamed(list: ServerList, name: string, mayBeBare: boolean): ListItem | undefined {
  return (mayBeBare ? list.find(name) : undefined) ?? list.findPublic(name);
}

/** A bare name in a scope of several servers: found if exactly one of them has it. */
async function resolveBareName(
  catalog: Catalog,
  kind: 'tools' | 'prompts',
  view: AccessView,
  caller: Caller,
  name: string,
): Promise<NamedTarget> {
  const { lists } = await catalog.gather(kind, view, caller);
  const owners: NamedTarget[] = [];
  for (const { server, list } of lists) {
    const item = list.find(name);
    if (item !== undefined && (kind !== 'tools' || server.allowsTool(item.identity))) owners.push({ server, item });
  }
  const [owner] = owners;
  if (owner === undefined) throw unknownName(kind, name);
  if (owners.length === 1) return owner;
  const candidates = owners.map(({ server }) => `${server.entry.prefix}${view.separator}${name}`);
  throw new GatewayError('access/ambiguous_name', {
    detail: `${name} is offered by several servers; use one of ${candidates.join(', ')}`,
    data: { candidates },
  });
}

/** Looks into one server's list, once more after a refresh if the list is not quite new. */
async function findOn(
  catalog: Catalog,
  kind: 'tools' | 'prompts',
  server: ServerView,
  caller: Caller,
  find: (list: ServerList) => ListItem | undefined,
): Promise<NamedTarget | undefined> {
  const held = catalog.heldList(kind, server, caller);
  const item = find(held ?? (await catalog.listOf(kind, server, caller)));
  if (item !== undefined) return visible(kind, server, item);
  const slot = catalog.slot(kind, server, caller);
  if (slot.ageMs < RECHECK_AGE_MS) return undefined;
  const refreshed = find(await slot.load());
  return refreshed === undefined ? undefined : visible(kind, server, refreshed);
}

function visible(kind: 'tools' | 'prompts', server: ServerView, item: ListItem): NamedTarget | undefined {
  return kind !== 'tools' || server.allowsTool(item.identity) ? { server, item } : undefined;
}

/** The one wording for absent and denied (contract §14). */
function unknownName(kind: 'tools' | 'prompts', name: string): GatewayError {
  return new GatewayError(kind === 'tools' ? 'access/unknown_tool' : 'access/unknown_prompt', { detail: name });
}
