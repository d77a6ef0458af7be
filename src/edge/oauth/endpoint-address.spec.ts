import { endpointOfResource } from './endpoint-address.js';
import { isLocalPath } from './local-path.js';

test.each([
  ['https://g.example/mcp', '/mcp'],
  ['https://g.example/mcp/', '/mcp'],
  ['https://G.example:443/mcp', '/mcp'],
  ['https://g.example/mcp/wiki', '/mcp/wiki'],
  ['https://g.example/wiki/mcp', '/mcp/wiki'],
  ['https://g.example/mcp/a,b', '/mcp/a,b'],
  ['https://g.example/toolset/x/mcp', '/toolset/x/mcp'],
  ['https://g.example/sse', '/mcp'],
  ['https://g.example', undefined],
  ['https://g.example/', undefined],
  ['https://g.example/key/list', undefined],
  ['https://g.example/mcp-rest/tools/list', undefined],
  ['https://g.example/mcp#x', undefined],
  ['https://g.example/mcp?server=wiki', undefined],
  ['https://user@g.example/mcp', undefined],
  ['http://g.example/mcp', undefined],
  ['https://g.example:444/mcp', undefined],
  ['https://g.example.evil.example/mcp', undefined],
  ['https://g.example/../mcp/wiki', '/mcp/wiki'],
  ['https://g.example/mcp/"x"', '/mcp/"x"'],
  ['https://g.example/mcp/a%0ab', undefined],
  [`https://g.example/mcp/${'a'.repeat(2_000)}`, undefined],
  ['mcp', undefined],
])('the resource %s is the endpoint %s', (resource, endpoint) => {
  expect(endpointOfResource('https://g.example', resource)).toBe(endpoint);
});

test('below a root path only what is below it is ours', () => {
  expect(endpointOfResource('https://g.example/tools', 'https://g.example/tools/mcp/wiki')).toBe('/mcp/wiki');
  expect(endpointOfResource('https://g.example/tools', 'https://g.example/mcp/wiki')).toBeUndefined();
  expect(endpointOfResource('https://g.example/tools', 'https://g.example/toolset/x/mcp')).toBeUndefined();
});

test.each([
  ['/authorize/flow?flow=abc', true],
  ['/connect/wiki?next=%2Fauthorize%2Fflow%3Fflow%3Dabc', true],
  ['/', true],
  ['//evil.example', false],
  ['/\\evil.example', false],
  ['https://evil.example', false],
  ['javascript:alert(1)', false],
  ['/a b', false],
  ['/a\r\nSet-Cookie: a=b', false],
  ['/@evil.example', false],
  ['', false],
])('%j stays with us: %s', (path, stays) => {
  expect(isLocalPath(path)).toBe(stays);
});
