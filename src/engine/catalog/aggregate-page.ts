import type { AccessView, ServerView } from '../../core/model/access-view.js';
import { isUiUri } from '../../core/protocol/resource-uri.js';
import type { ListPosition } from './list-cursor.js';
import type { ListItem } from './list-item.js';
import { LIST_KINDS, type ListKind } from './list-kind.js';
import { isAggregate, renderItem } from './render-item.js';
import type { ServerList } from './server-list.js';

/** What one visible server contributed. */
export interface Gathered {
  readonly server: ServerView;
  readonly list: ServerList;
}

export interface Page {
  /** Comma-joined raw items. */
  readonly items: string;
  /** Where the next page starts; undefined when this is the last. */
  readonly next: ListPosition | undefined;
}

/**
 * Puts the lists of a view together in order of prefix, one page of at most `size` items from `from` on. Pure. Names
 * that are ambiguous in a bare aggregate are left out; `onAmbiguous` gets them.
 */
export function aggregatePage(
  kind: ListKind,
  view: AccessView,
  gathered: readonly Gathered[],
  size: number,
  from: ListPosition | undefined,
  onAmbiguous: (identity: string) => void,
): Page {
  const collides = collisions(kind, view, gathered);
  const dropsAmbiguous = LIST_KINDS[kind].identity === 'name' && view.naming === 'bare' && gathered.length > 1;
  const include = (server: ServerView) => (item: ListItem) => {
    if (kind === 'tools' && !server.allowsTool(item.identity)) return false;
    if (!dropsAmbiguous || !collides(item.identity)) return true;
    onAmbiguous(item.identity);
    return false;
  };
  const render = (server: ServerView) => (item: ListItem) => renderItem(kind, view, server, item, collides);

  const simple = from === undefined && gathered.reduce((sum, { list }) => sum + list.items.length, 0) <= size;
  if (simple) return { items: joinSegments(view, gathered, collides, include, render), next: undefined };

  const texts: string[] = [];
  let next: ListPosition | undefined;
  for (const { server, index, item } of itemsFrom(gathered, from)) {
    if (!include(server)(item)) continue;
    if (texts.length === size) return { items: texts.join(','), next };
    texts.push(render(server)(item));
    next = { serverId: server.entry.id, identity: item.identity, index };
  }
  return { items: texts.join(','), next: undefined };
}

/** The common case: whole lists, each rendered once and remembered by the list itself while nothing collides. */
function joinSegments(
  view: AccessView,
  gathered: readonly Gathered[],
  collides: Collides,
  include: (server: ServerView) => (item: ListItem) => boolean,
  render: (server: ServerView) => (item: ListItem) => string,
): string {
  const texts: string[] = [];
  for (const { server, list } of gathered) {
    const stable = !list.items.some((item) => collides(item.identity));
    const key = `${view.naming}|${isAggregate(view)}|${server.toolsFingerprint}`;
    if (stable) {
      const segment = list.segment(key, include(server), render(server));
      if (segment.count > 0) texts.push(segment.text);
    } else {
      texts.push(...list.items.filter(include(server)).map(render(server)));
    }
  }
  return texts.join(',');
}

function* itemsFrom(
  gathered: readonly Gathered[],
  from: ListPosition | undefined,
): Generator<{ server: ServerView; index: number; item: ListItem }> {
  let started = from === undefined;
  for (const { server, list } of gathered) {
    let begin = 0;
    if (!started && server.entry.id === from?.serverId) {
      started = true;
      const at = list.items.findIndex((item) => item.identity === from.identity);
      begin = at === -1 ? from.index : at + 1;
    }
    if (!started) continue;
    for (let index = begin; index < list.items.length; index += 1) {
      const item = list.items[index];
      if (item !== undefined) yield { server, index, item };
    }
  }
}

export type Collides = (identity: string) => boolean;

const NOTHING_COLLIDES: Collides = () => false;

/** Identities that several visible servers share and that would be ambiguous as they are. */
export function collisions(kind: ListKind, view: AccessView, gathered: readonly Gathered[]): Collides {
  const prefixTellsApart = LIST_KINDS[kind].identity === 'name' && view.naming === 'prefixed';
  if (prefixTellsApart || gathered.length < 2) return NOTHING_COLLIDES;
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { server, list } of gathered) {
    for (const { identity } of list.items) {
      if (isUiUri(identity) || (kind === 'tools' && !server.allowsTool(identity))) continue;
      if (seen.has(identity)) shared.add(identity);
      seen.add(identity);
    }
  }
  return shared.size === 0 ? NOTHING_COLLIDES : (identity) => shared.has(identity);
}
