import { ValidationFailed } from '../auth/validation.pipe.js';
import { readClientServers } from './read-client-servers.js';

describe('the configuration of a client', () => {
  it.each([
    [
      { command: 'npx', args: ['x'], env: { A: 'b' } },
      { command: 'npx', args: ['x'], env: { A: 'b' } },
    ],
    [
      { type: 'http', url: 'https://h/' },
      { url: 'https://h/', transport: 'http' },
    ],
    [
      { type: 'streamableHttp', url: 'https://h/' },
      { url: 'https://h/', transport: 'http' },
    ],
    [
      { transport: 'sse', url: 'https://h/', headers: { A: 'b' } },
      { url: 'https://h/', transport: 'sse', static_headers: { A: 'b' } },
    ],
    [{ serverUrl: 'https://h/' }, { url: 'https://h/' }],
    [{ httpUrl: 'https://h/' }, { url: 'https://h/' }],
  ])('says in our words %j', (entry, body) => {
    expect(readClientServers({ mcpServers: { a: entry } })).toEqual([
      { name: 'a', body: { server_name: 'a', ...body } },
    ]);
    expect(readClientServers({ servers: { a: entry } })).toHaveLength(1);
  });

  it.each([[{ disabled: true }], ['x'], [{ type: 'fax' }]])(
    'an entry that cannot be read is told alone: %j',
    (entry) => {
      expect(readClientServers({ mcpServers: { a: entry, b: { url: 'https://h/' } } })).toMatchObject([
        { name: 'a', body: undefined, fault: expect.any(String) },
        { name: 'b', body: {} },
      ]);
    },
  );

  it.each([
    [undefined],
    [[]],
    [{ mcpServers: [] }],
    [{ mcpServers: Object.fromEntries(Array.from({ length: 501 }, (_unused, n) => [n, {}])) }],
  ])('is refused as a whole: %#', (body) => {
    expect(() => readClientServers(body)).toThrow(ValidationFailed);
  });
});
