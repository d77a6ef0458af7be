import { makeServerEntry, makeSnapshot } from '../../../test/factory/make-server-entry.js';
import { SCOPE_ALL, type RequestScope } from '../../core/access/request-scope.js';
import { resolveView } from '../../core/access/resolve-view.js';
import type { AccessView } from '../../core/model/access-view.js';
import type { PrefixMode } from '../../core/model/registry-snapshot.js';
import { aggregatePage, type Gathered } from './aggregate-page.js';
import type { ListItem } from './list-item.js';
import type { ListKind } from './list-kind.js';
import { ServerList } from './server-list.js';
import { NO_GRANTS } from '../../core/model/permission.js';

const item = (identity: string, text: object): ListItem => ({
  identity,
  text: JSON.stringify(text),
  repeatable: false,
});
const tool = (name: string, more: object = {}): ListItem =>
  item(name, { name, inputSchema: { type: 'object' }, ...more });
const resource = (uri: string): ListItem => item(uri, { name: `n ${uri}`, uri });

function setUp(lists: Record<string, ListItem[]>, scope: RequestScope = SCOPE_ALL, prefixMode: PrefixMode = 'always') {
  const snapshot = makeSnapshot(
    Object.keys(lists).map((name) => makeServerEntry(name)),
    { prefixMode },
  );
  const decision = resolveView(
    snapshot,
    { kind: 'master_key', id: 'm', role: 'proxy_admin', grants: NO_GRANTS },
    scope,
  );
  if (decision.kind !== 'view') throw new Error('no view');
  const { view } = decision;
  const gathered: Gathered[] = view.servers.map((server) => ({
    server,
    list: new ServerList(lists[server.entry.name] ?? [], server.entry.prefix, view.separator),
  }));
  return { view, gathered };
}

function page(kind: ListKind, { view, gathered }: { view: AccessView; gathered: Gathered[] }, size = 100) {
  const ambiguous: string[] = [];
  const made = aggregatePage(kind, view, gathered, size, undefined, (identity) => ambiguous.push(identity));
  return { items: JSON.parse(`[${made.items}]`) as Record<string, unknown>[], ambiguous };
}

describe('aggregatePage', () => {
  it('prefixes tools in order of prefix, keeping each item as its upstream wrote it', () => {
    const { items } = page('tools', setUp({ b: [tool('x')], a: [tool('z', { unknown: { big: 1 } }), tool('y')] }));
    expect(items.map(({ name }) => name)).toEqual(['a-z', 'a-y', 'b-x']);
    expect(items[0]).toMatchObject({ unknown: { big: 1 }, inputSchema: { type: 'object' } });
  });

  it('shows a server its own names in a one-server scope', () => {
    const scope: RequestScope = { kind: 'named', names: ['a'], source: 'path' };
    expect(page('tools', setUp({ a: [tool('x')], b: [tool('x')] }, scope)).items.map(({ name }) => name)).toEqual([
      'x',
    ]);
  });

  it('leaves ambiguous names out when prefixes are switched off, and says which', () => {
    const { items, ambiguous } = page(
      'tools',
      setUp({ a: [tool('x'), tool('y')], b: [tool('x')] }, SCOPE_ALL, 'never'),
    );
    expect(items.map(({ name }) => name)).toEqual(['y']);
    expect(new Set(ambiguous)).toEqual(new Set(['x']));
  });

  it('rewrites a resource URI only when two visible servers own it, and every ui:// URI of an aggregate (defect 44)', () => {
    const { items } = page(
      'resources',
      setUp({ a: [resource('file:///s'), resource('file:///a'), resource('ui://v')], b: [resource('file:///s')] }),
    );
    expect(items.map(({ uri }) => uri)).toEqual([
      'gatehouse://a/file:///s',
      'file:///a',
      'ui://gatehouse/a/v',
      'gatehouse://b/file:///s',
    ]);
    expect(items[0]?.['name']).toBe('a-n file:///s');
  });

  it('points a tool of an aggregate to the ui:// resource as the aggregate lists it', () => {
    const ui = tool('x', {
      _meta: { ui: { resourceUri: 'ui://v', visibility: ['app'] }, 'ui/resourceUri': 'ui://v', other: 'ui://v' },
    });
    const { items } = page('tools', setUp({ a: [ui], b: [] }));
    expect(items[0]?.['_meta']).toEqual({
      ui: { resourceUri: 'ui://gatehouse/a/v', visibility: ['app'] },
      'ui/resourceUri': 'ui://gatehouse/a/v',
      other: 'ui://v',
    });
  });

  it('pages through everything exactly once, also when lists change in between', () => {
    const names = (server: string, count: number): ListItem[] =>
      Array.from({ length: count }, (_, index) => tool(`${server}${index}`));
    const { view, gathered } = setUp({ a: names('a', 5), b: names('b', 4), c: names('c', 3) });
    const seen: unknown[] = [];
    let from: Parameters<typeof aggregatePage>[4];
    let pages = 0;
    do {
      const made = aggregatePage('tools', view, gathered, 4, from, () => undefined);
      seen.push(...(JSON.parse(`[${made.items}]`) as { name: string }[]).map(({ name }) => name));
      from = made.next;
      pages += 1;
    } while (from !== undefined && pages < 10);
    expect(pages).toBe(3);
    expect(seen).toEqual(
      [...names('a', 5), ...names('b', 4), ...names('c', 3)].map(({ identity }) => `${identity.charAt(0)}-${identity}`),
    );
  });
});
