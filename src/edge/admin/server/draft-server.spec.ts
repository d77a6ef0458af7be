import { GatewayError } from '../../../core/errors/gateway-error.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { draftServer } from './draft-server.js';

const url = 'https://h.example/mcp';

describe('a server about to be stored', () => {
  it.each([
    [{ server_name: ' my wiki ' }, 'my_wiki', undefined],
    [{ server_name: 'wiki', alias: 'my w' }, 'wiki', 'my_w'],
    [{ alias: 'w' }, 'w', 'w'],
    [{}, '7c1e_11', undefined],
  ])('is called by what it has: %j', (fields, name, alias) => {
    expect(draftServer('7c1e-11', { ...fields, url }, '-')).toMatchObject({ id: '7c1e-11', name, alias });
  });

  it('parts what is shown from what is sealed', () => {
    const draft = draftServer('id', { server_name: 'a', url, auth_type: 'basic', auth_value: 'ann:pw' }, '-');
    expect(draft.shown).toEqual({ url, auth_type: 'basic', auth_value: '***' });
    expect(draft.secrets).toEqual({ auth_value: 'ann:pw' });
  });

  it.each([
    ['id', { server_name: 'a-b' }, "Server name cannot contain '-'. Use an alternative character instead Found: a-b"],
    ['id', { server_name: 'no-mcp-servers' }, 'Server name cannot contain'],
    ['../x', { server_name: 'a' }, 'id must be'],
    ['Submissions', { server_name: 'a' }, 'id "Submissions" is reserved'],
    ['no-mcp-servers', { server_name: 'a' }, 'id "no-mcp-servers" is reserved'],
  ])('is refused as %s %j', (id, fields, words) => {
    const attempt = () => draftServer(id, { ...fields, url }, '-');
    expect(attempt).toThrow(GatewayError);
    expect(attempt).toThrow(words);
  });

  it.each([
    [{ server_name: 7, url }],
    [{ server_name: 'a' }],
    [{ server_name: 'a', url, transport: 'carrier-pigeon' }],
    [{ server_name: 'a', url, static_headers: { 'X y': 'z' } }],
  ])('does not fit as %j', (fields) => {
    expect(() => draftServer('id', fields, '-')).toThrow(ValidationFailed);
  });
});
