import { NAME_LENGTH_MAX, publicName, splitPublicName } from './public-name.js';
import { fromGatewayUri, toGatewayUri } from './resource-uri.js';
import { templateMatches } from './uri-template.js';

describe('publicName', () => {
  it('is prefix, separator, name, and shortens by a stable hash beyond the protocol limit', () => {
    expect(publicName('gh', '-', 'create-issue')).toBe('gh-create-issue');
    const long = 'x'.repeat(200);
    const first = publicName('gh', '-', `${long}a`);
    const second = publicName('gh', '-', `${long}b`);
    expect(first).toHaveLength(NAME_LENGTH_MAX);
    expect(first).toBe(publicName('gh', '-', `${long}a`));
    expect(first).not.toBe(second);
    expect(splitPublicName(first, '-')?.prefix).toBe('gh');
  });
});

describe('splitPublicName', () => {
  it.each([
    ['gh-create-issue', '-', { prefix: 'gh', rest: 'create-issue' }],
    ['gh__create', '__', { prefix: 'gh', rest: 'create' }],
    ['plain', '-', undefined],
    ['-lead', '-', undefined],
  ])('%s by %s', (name, separator, expected) => {
    expect(splitPublicName(name, separator)).toEqual(expected);
  });
});

describe('gateway URIs', () => {
  it.each([
    'file:///a/b',
    'test://template/{id}/data',
    'ui://card/view',
    'x:y',
    'http://h/p?q=1#f',
    'ui://gatehouse/a/b',
  ])('%s comes back as it was', (uri) => {
    const gatewayUri = toGatewayUri('srv_1', uri);
    expect(fromGatewayUri(gatewayUri)).toEqual({ prefix: 'srv_1', uri });
    expect(gatewayUri.startsWith('ui://')).toBe(uri.startsWith('ui://'));
  });

  it('leaves other URIs alone', () => {
    for (const uri of ['file:///x', 'ui://card', 'gatehouse://', 'gatehouse:///x'])
      expect(fromGatewayUri(uri)).toBeUndefined();
  });
});

describe('templateMatches', () => {
  it.each([
    ['test://{id}/data', 'test://7/data', true],
    ['test://{id}/data', 'test://7/other', false],
    ['a{x}b{y}c', 'a1b2c', true],
    ['a{x}b{y}c', 'a1c', false],
    ['plain://x', 'plain://x', true],
    ['plain://x', 'plain://xy', false],
    ['{+path}', 'anything', true],
    ['x{a}aa', 'xa', false],
  ])('%s against %s: %s', (template, uri, expected) => {
    expect(templateMatches(template, uri)).toBe(expected);
  });
});
