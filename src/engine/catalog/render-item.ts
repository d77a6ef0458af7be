import { publicName } from '../../core/protocol/public-name.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import { isUiUri, toGatewayUri } from '../../core/protocol/resource-uri.js';
import { splice, type Replacement } from '../../core/protocol/splice.js';
import type { AccessView, ServerView } from '../../core/model/access-view.js';
import { withMembers, type ListItem } from './list-item.js';
import type { ListKind } from './list-kind.js';

/** Whether more than one server could be in scope (contract §4); decides about prefixes and `ui://` rewriting. */
export function isAggregate(view: AccessView): boolean {
  return view.naming === 'prefixed' || view.servers.length > 1;
}

/** Item as this view shows it. `collides` says whether its URI belongs to another visible server too. */
export function renderItem(
  kind: ListKind,
  view: AccessView,
  server: ServerView,
  item: ListItem,
  collides: (uri: string) => boolean,
): string {
  const { prefix } = server.entry;
  switch (kind) {
    case 'tools': {
      const text = isAggregate(view) ? withGatewayUiUris(item.text, prefix) : item.text;
      return view.naming === 'bare' ? text : renamed({ ...item, text }, view, prefix);
    }
    case 'prompts':
      return view.naming === 'bare' ? item.text : renamed(item, view, prefix);
    case 'resources':
    case 'templates':
      return renderResource(kind, view, prefix, item, collides);
  }
}

function renamed(item: ListItem, view: AccessView, prefix: string): string {
  return withMembers(item, { name: publicName(prefix, view.separator, item.identity) });
}

function renderResource(
  kind: 'resources' | 'templates',
  view: AccessView,
  prefix: string,
  item: ListItem,
  collides: (uri: string) => boolean,
): string {
  const replace: Record<string, string> = {};
  if (view.naming === 'prefixed') {
    const name = (JSON.parse(item.text) as { name?: unknown }).name;
    if (typeof name === 'string') replace['name'] = `${prefix}${view.separator}${name}`;
  }
  if (collides(item.identity) || (isAggregate(view) && isUiUri(item.identity))) {
    replace[kind === 'resources' ? 'uri' : 'uriTemplate'] = toGatewayUri(prefix, item.identity);
  }
  return withMembers(item, replace);
}

/** Tool `_meta` that points to a `ui://` resource of its server (MCP Apps): `_meta.ui.resourceUri`, `_meta["ui/resourceUri"]`. */
function withGatewayUiUris(text: string, prefix: string): string {
  if (!text.includes('ui://')) return text;
  const meta = findMember(scanObject(text), '_meta');
  if (meta === undefined || text.charCodeAt(meta.start) !== 0x7b) return text;
  const replacements: Replacement[] = [];
  const rewrite = (span: { start: number; end: number } | undefined): void => {
    if (span === undefined || text.charCodeAt(span.start) !== 0x22) return;
    const uri = JSON.parse(text.slice(span.start, span.end)) as string;
    if (isUiUri(uri)) replacements.push({ ...span, with: JSON.stringify(toGatewayUri(prefix, uri)) });
  };
  const members = scanObject(text, meta.start);
  rewrite(findMember(members, 'ui/resourceUri'));
  const ui = findMember(members, 'ui');
  if (ui !== undefined && text.charCodeAt(ui.start) === 0x7b) {
    rewrite(findMember(scanObject(text, ui.start), 'resourceUri'));
  }
  return splice(text, replacements);
}
