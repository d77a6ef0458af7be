import type { ServerView } from '../../core/model/access-view.js';
import { findMember, scanArray, scanObject } from '../../core/protocol/json-scan.js';
import { isUiUri, toGatewayUri } from '../../core/protocol/resource-uri.js';
import { splice, type Replacement } from '../../core/protocol/splice.js';
import type { AccessView } from '../../core/model/access-view.js';
import { collisions } from './aggregate-page.js';
import type { Caller } from './caller.js';
import type { Catalog } from './catalog.js';
import { isAggregate } from './render-item.js';

/**
 * Links in a result of an aggregate scope (contract §4): a `resource_link` or embedded resource whose URI would be
 * ambiguous gets the gateway's form, so that the client can read it back. Everything else stays as it came, and results
 * without a URI are not looked at: they are answered at once.
 */
export function relinkResult<T extends { readonly text: string }>(
  catalog: Catalog,
  caller: Caller & { readonly view: AccessView },
  server: ServerView,
  answer: T,
): T | Promise<T> {
  if (!isAggregate(caller.view) || !answer.text.includes('"uri"')) return answer;
  const found = linkedUris(answer.text);
  return found.length === 0 ? answer : relink(catalog, caller, server, answer, found);
}

async function relink<T extends { readonly text: string }>(
  catalog: Catalog,
  caller: Caller & { readonly view: AccessView },
  server: ServerView,
  answer: T,
  found: readonly LinkedUri[],
): Promise<T> {
  const view = caller.view.content;
  const needsLists = found.some(({ uri }) => !isUiUri(uri)) && view.servers.length > 1;
  const lists = needsLists ? (await catalog.gather('resources', view, caller)).lists : [];
  const collides = collisions('resources', view, lists);
  const replacements: Replacement[] = found
    .filter(({ uri }) => isUiUri(uri) || collides(uri))
    .map(({ uri, start, end }) => ({ start, end, with: JSON.stringify(toGatewayUri(server.entry.prefix, uri)) }));
  return replacements.length === 0 ? answer : { ...answer, text: splice(answer.text, replacements) };
}

interface LinkedUri {
  readonly uri: string;
  readonly start: number;
  readonly end: number;
}

/** URIs of `content[].uri` (links), `content[].resource.uri` (embedded) and `contents[].uri` (reads). */
export function linkedUris(text: string): LinkedUri[] {
  const found: LinkedUri[] = [];
  const take = (span: { start: number; end: number } | undefined): void => {
    if (span === undefined || text.charCodeAt(span.start) !== 0x22) return;
    found.push({ uri: JSON.parse(text.slice(span.start, span.end)) as string, start: span.start, end: span.end });
  };
  const isAt = (span: { start: number } | undefined, code: number): boolean =>
    span !== undefined && text.charCodeAt(span.start) === code;

  const members = scanObject(text);
  for (const key of ['content', 'contents']) {
    const list = findMember(members, key);
    if (list === undefined || !isAt(list, 0x5b)) continue;
    for (const block of scanArray(text, list.start)) {
      if (!isAt(block, 0x7b)) continue;
      const blockMembers = scanObject(text, block.start);
      take(findMember(blockMembers, 'uri'));
      const resource = findMember(blockMembers, 'resource');
      if (resource !== undefined && isAt(resource, 0x7b)) take(findMember(scanObject(text, resource.start), 'uri'));
    }
  }
  return found;
}
