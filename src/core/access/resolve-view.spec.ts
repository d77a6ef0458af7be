import { makeServerEntry, makeSnapshot } from '../../../test/factory/make-server-entry.js';
import { NO_GRANTS } from '../model/permission.js';
import type { Principal, Role } from '../model/principal.js';
import type { PrefixMode } from '../model/registry-snapshot.js';
import { SCOPE_ALL, type RequestScope } from './request-scope.js';
import { resolveView } from './resolve-view.js';

const admin: Principal = { kind: 'master_key', id: 'master', role: 'proxy_admin', grants: NO_GRANTS };
const snapshot = makeSnapshot([
  makeServerEntry('github', { alias: 'gh', alternateIds: ['0ldid'], accessGroups: ['dev'] }),
  makeServerEntry('jira', { accessGroups: ['dev', 'ops'] }),
  makeServerEntry('wiki'),
]);
const named = (...names: string[]): RequestScope => ({ kind: 'named', names, source: 'filter' });

function view(scope: RequestScope, prefixMode: PrefixMode = 'always') {
  const decision = resolveView({ ...snapshot, prefixMode }, admin, scope);
  if (decision.kind === 'unknown') return { unknown: decision.names };
  return { servers: decision.view.servers.map(({ entry }) => entry.name), naming: decision.view.naming };
}

describe('resolveView', () => {
  it.each<[string, RequestScope, object]>([
    ['everything, in order of prefix', SCOPE_ALL, { servers: ['github', 'jira', 'wiki'], naming: 'prefixed' }],
    ['one server by name: its own names', named('github'), { servers: ['github'], naming: 'bare' }],
    ['one server by alias', named('gh'), { servers: ['github'], naming: 'bare' }],
    ['one server by id', named('id-wiki'), { servers: ['wiki'], naming: 'bare' }],
    ['one server by an id of the incumbent', named('0LDID'), { servers: ['github'], naming: 'bare' }],
    ['one server in another case', named('GitHub'), { servers: ['github'], naming: 'bare' }],
    ['two servers: prefixed', named('github', 'wiki'), { servers: ['github', 'wiki'], naming: 'prefixed' }],
    ['a group is an aggregate', named('dev'), { servers: ['github', 'jira'], naming: 'prefixed' }],
    ['a group of one is an aggregate too (contract §4)', named('ops'), { servers: ['jira'], naming: 'prefixed' }],
    ['a server and a group', named('wiki', 'ops'), { servers: ['jira', 'wiki'], naming: 'prefixed' }],
    ['an empty filter is an empty result, never everything (defect 4)', named(), { servers: [], naming: 'prefixed' }],
    ['an unknown name is named, and nothing is widened (defect 4)', named('github', 'nope'), { unknown: ['nope'] }],
  ])('%s', (_title, scope, expected) => {
    expect(view(scope)).toEqual(expected);
  });

  it('follows the counting rule of the incumbent with mcp_tool_prefix auto', () => {
    expect(view(named('ops'), 'auto')).toEqual({ servers: ['jira'], naming: 'bare' });
    expect(view(named('dev'), 'auto')).toEqual({ servers: ['github', 'jira'], naming: 'prefixed' });
    expect(view(SCOPE_ALL, 'never')).toMatchObject({ naming: 'bare' });
  });

  it('shows nothing to a role that is not known to hold anything', () => {
    const roles: Role[] = ['internal_user', 'internal_user_viewer', 'org_admin', 'proxy_admin_viewer'];
    for (const role of roles) {
      const decision = resolveView(snapshot, { ...admin, role }, SCOPE_ALL);
      expect(decision.kind === 'view' && decision.view.servers).toEqual([]);
      expect(resolveView(snapshot, { ...admin, role }, named('github'))).toEqual({
        kind: 'unknown',
        names: ['github'],
      });
    }
  });

  it('applies the server’s own lists: the allow-list has priority when both are set', () => {
    const policies = makeSnapshot([
      makeServerEntry('a', {
        tools: { allowed: new Set(['x']), disallowed: new Set(['x', 'y']), allowedParams: new Map() },
      }),
      makeServerEntry('b', { tools: { allowed: undefined, disallowed: new Set(['y']), allowedParams: new Map() } }),
    ]);
    const decision = resolveView(policies, admin, SCOPE_ALL);
    if (decision.kind !== 'view') throw new Error('no view');
    const allowed = decision.view.servers.map((server) => ['x', 'y', 'z'].filter((tool) => server.allowsTool(tool)));
    expect(allowed).toEqual([['x'], ['x', 'z']]);
  });
});
