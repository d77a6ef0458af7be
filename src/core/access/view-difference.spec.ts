import { makeServerEntry } from '../../../test/factory/make-server-entry.js';
import type { AccessView } from '../model/access-view.js';
import type { ServerEntry } from '../model/server-entry.js';
import { EMPTY_VIEW } from './empty-view.js';
import { GrantedServer } from './server-view.js';
import { viewDifference } from './view-difference.js';

const wiki = makeServerEntry('wiki');
const mail = makeServerEntry('mail');

function view(
  ...servers: readonly (readonly [entry: ServerEntry, tools?: readonly string[], toolsOnly?: boolean])[]
): AccessView {
  const granted = servers.map(
    ([entry, tools, toolsOnly]) => new GrantedServer(entry, tools && new Set(tools), toolsOnly ?? false),
  );
  const content = { ...EMPTY_VIEW, servers: granted.filter(({ toolsOnly }) => !toolsOnly) };
  return { ...EMPTY_VIEW, servers: granted, content };
}

describe('what somebody sees otherwise', () => {
  test.each<[string, AccessView | undefined, AccessView | undefined, boolean, boolean]>([
    ['the same servers', view([wiki]), view([wiki]), false, false],
    ['nothing, and nothing still', undefined, EMPTY_VIEW, false, false],
    ['a server more', view([wiki]), view([wiki], [mail]), true, true],
    ['none any more', view([wiki]), undefined, true, true],
    ['another server', view([wiki]), view([mail]), true, true],
    ['a changed server', view([wiki]), view([{ ...wiki }]), true, true],
    ['fewer tools', view([wiki]), view([wiki, ['read']]), true, false],
    ['the same tools', view([wiki, ['a', 'b']]), view([wiki, ['b', 'a']]), false, false],
    ['tools alone', view([wiki]), view([wiki, undefined, true]), false, true],
    ['a server more by tools alone', view([wiki]), view([wiki], [mail, ['x'], true]), true, false],
  ])('%s', (_what, before, after, tools, content) => {
    expect(viewDifference(before, after)).toEqual({ tools, content });
  });
});
