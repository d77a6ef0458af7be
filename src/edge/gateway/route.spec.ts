import { endpointPath, parseRoute } from './route.js';
import { readScope } from './read-scope.js';

describe('parseRoute', () => {
  it.each<[string, ReturnType<typeof parseRoute>]>([
    ['/mcp', { door: 'mcp', names: undefined }],
    ['/mcp/', { door: 'mcp', names: undefined }],
    ['/mcp/github', { door: 'mcp', names: ['github'] }],
    ['/mcp/github/', { door: 'mcp', names: ['github'] }],
    ['/mcp/github/tools', { door: 'mcp', names: ['github'] }],
    ['/mcp/github/mcp', { door: 'mcp', names: ['github'] }],
    ['/mcp/zapier,group1/tools', { door: 'mcp', names: ['zapier', 'group1'] }],
    ['/mcp/a,b/', { door: 'mcp', names: ['a', 'b'] }],
    ['/mcp/a,b/chat/completions', { door: 'mcp', names: ['a', 'b'] }],
    ['/mcp/a%2Cb', { door: 'mcp', names: ['a', 'b'] }],
    ['/mcp/group/other', { door: 'mcp', names: ['group/other'] }],
    ['/github/mcp', { door: 'mcp', names: ['github'] }],
    ['/a,b/mcp', { door: 'mcp', names: ['a', 'b'] }],
    ['/toolset/support/mcp', { door: 'toolset', toolset: 'support' }],
    ['/sse', { door: 'sse', names: undefined }],
    ['/mcp/sse', { door: 'sse', names: undefined }],
    ['/github/sse', { door: 'sse', names: ['github'] }],
    ['/mcp/github/sse', { door: 'sse', names: ['github'] }],
    ['/messages', { door: 'messages', names: undefined }],
    ['/github/messages', { door: 'messages', names: ['github'] }],
    ['/mcp-rest/tools/list', { door: 'rest-list' }],
    ['/mcp-rest/tools/call', { door: 'rest-call' }],
    ['/mcp-rest/test/connection', undefined],
    ['/health/liveness', undefined],
    ['/v1/mcp/server', undefined],
    ['/', undefined],
    ['/mcpx', undefined],
    ['/mcp/%ZZ', undefined],
    ['/.well-known/oauth-protected-resource/mcp', undefined],
  ])('%s (defects 5, 36)', (path, expected) => {
    expect(parseRoute('', path)).toEqual(expected);
  });

  it('looks below SERVER_ROOT_PATH only', () => {
    expect(parseRoute('/gw', '/gw/mcp/github')).toEqual({ door: 'mcp', names: ['github'] });
    expect(parseRoute('/gw', '/mcp/github')).toBeUndefined();
    expect(parseRoute('/gw', '/gwmcp')).toBeUndefined();
  });
});

describe('readScope', () => {
  const root = { door: 'mcp', names: undefined } as const;
  it.each([
    ['nothing', root, '', {}, { kind: 'all' }],
    [
      'a list in the header',
      root,
      '',
      { 'x-mcp-servers': 'a, b,' },
      { kind: 'named', names: ['a', 'b'], source: 'filter' },
    ],
    [
      'an empty header is an empty list',
      root,
      '',
      { 'x-mcp-servers': '' },
      { kind: 'named', names: [], source: 'filter' },
    ],
    ['an empty ?server=, too (defect 4)', root, 'server=', {}, { kind: 'named', names: [], source: 'filter' }],
    ['?server=', root, 'server=a&x=1', {}, { kind: 'named', names: ['a'], source: 'filter' }],
    [
      'one server by header',
      root,
      '',
      { 'x-litellm-mcp-server': 'a' },
      { kind: 'named', names: ['a'], source: 'filter' },
    ],
    [
      'the path wins over the header',
      { door: 'mcp', names: ['p'] } as const,
      '',
      { 'x-mcp-servers': 'a' },
      { kind: 'named', names: ['p'], source: 'path' },
    ],
  ])('%s', (_title, route, query, headers, expected) => {
    expect(readScope(route, query, headers)).toEqual(expected);
  });
});

describe('an endpoint has one name', () => {
  test.each([
    ['/mcp', '/mcp'],
    ['/mcp/', '/mcp'],
    ['/sse', '/mcp'],
    ['/mcp/github', '/mcp/github'],
    ['/github/mcp', '/mcp/github'],
    ['/github/sse', '/mcp/github'],
    ['/mcp/a,b', '/mcp/a,b'],
    ['/a,b/mcp', '/mcp/a,b'],
    ['/toolset/x/mcp', '/toolset/x/mcp'],
    ['/mcp-rest/tools/list', undefined],
  ])('%s is %s', (path, name) => {
    const route = parseRoute('', path);
    expect(route === undefined ? 'no route' : endpointPath(route)).toBe(name);
  });
});
