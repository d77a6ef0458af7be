import { mergeServer } from './merge-server.js';

const stored = {
  server_name: 'wiki',
  url: 'https://ann:pw@h.example/mcp?key=k',
  description: 'd',
  auth_type: 'bearer_token',
  auth_value: 'token',
  static_headers: { 'X-One': 'one', 'X-Two': 'two' },
  env: { KEY: 'key', ASK: '${X-USER-KEY}' },
};

describe('a change of a server', () => {
  it('leaves alone what it does not name', () => {
    expect(mergeServer(stored, {})).toEqual({ fields: stored, problems: [], toReenter: [] });
    expect(mergeServer(stored, { description: 'e' }).fields).toEqual({ ...stored, description: 'e' });
  });

  it('clears by null', () => {
    const { description: _gone, ...rest } = stored;
    expect(mergeServer(stored, { description: null }).fields).toEqual(rest);
  });

  it('keeps what is sent back as it was shown', () => {
    const shown = {
      url: 'https://***@h.example/mcp?key=***',
      auth_value: '***',
      static_headers: { 'X-One': '***', 'X-Two': '***' },
      env: { KEY: '***', ASK: '***' },
    };
    expect(mergeServer(stored, shown)).toEqual({ fields: stored, problems: [], toReenter: [] });
  });

  it('replaces one value of a mapping beside one that is kept, and drops those not named', () => {
    expect(mergeServer(stored, { static_headers: { 'X-One': '***', 'X-New': 'n' } }).fields['static_headers']).toEqual({
      'X-One': 'one',
      'X-New': 'n',
    });
  });

  it.each([
    [{ static_headers: { 'X-Three': '***' } }, ['static_headers', 'X-Three']],
    [{ client_secret: '***' }, ['client_secret']],
    [{ url: 'https://***@other.example/mcp' }, ['url']],
  ])('cannot keep what there is not: %j', (patch, path) => {
    expect(mergeServer(stored, patch).problems).toMatchObject([{ path, severity: 'error' }]);
  });

  it.each([
    ['another host', { url: 'https://other.example/mcp' }, ['auth_value', 'env', 'static_headers']],
    ['another path', { url: 'https://h.example/other' }, ['auth_value', 'env', 'static_headers']],
    ['a command instead', { url: null, command: 'node' }, ['auth_value', 'env', 'static_headers']],
    ['another token endpoint', { token_url: 'https://h/t' }, ['auth_value', 'env', 'static_headers']],
    ['some of them entered', { url: 'https://o/', auth_value: 'token', env: { KEY: 'x' } }, ['static_headers']],
    [
      'one of a mapping kept',
      { url: 'https://o/', auth_value: 'new', static_headers: { 'X-One': '***' }, env: null },
      ['static_headers'],
    ],
    ['all of them cleared', { url: 'https://o/', auth_value: null, static_headers: null, env: null }, []],
    ['the same address, spelled out', { url: 'https://ann:pw@H.example/mcp?key=k' }, []],
    ['only templates left', { url: 'https://o/', auth_value: null, static_headers: null, env: { ASK: '***' } }, []],
  ])('asks for stored secrets again on %s', (_title, patch, toReenter) => {
    expect(mergeServer(stored, patch).toReenter).toEqual(toReenter);
  });
});
