import { readServerBody } from './server-body.js';

describe('the body of a server', () => {
  it.each([
    [
      'credentials taken apart',
      { credentials: { auth_value: 'a', scopes: ['s'], type: 'x' } },
      { auth_value: 'a', scopes: ['s'] },
    ],
    ['credentials kept as shown', { credentials: '***' }, {}],
    ['one spelling of groups', { access_groups: ['a'] }, { mcp_access_groups: ['a'] }],
    [
      'the spelling of REST where both are given',
      { access_groups: ['a'], mcp_access_groups: ['b'] },
      { mcp_access_groups: ['b'] },
    ],
    ['one spelling of the credential', { auth_value: 'a', authentication_token: 'b' }, { auth_value: 'b' }],
    ['one spelling of the id', { id: 'x' }, { server_id: 'x' }],
    ['no answer sent back as a field', { status: 'healthy', created_by: 'me', teams: [], origin: 'db' }, {}],
    ['null as null', { description: null }, { description: null }],
  ])('%s', (_title, body, fields) => {
    expect(readServerBody(body)).toEqual({ fields, problems: [] });
  });

  it('clears every credential by null', () => {
    expect(readServerBody({ credentials: null }).fields).toMatchObject({
      auth_value: null,
      client_secret: null,
      scopes: null,
    });
  });

  it.each([[[]], ['x'], [undefined], [{ credentials: 7 }]])('is no body: %j', (body) => {
    expect(readServerBody(body).problems).toHaveLength(1);
  });
});
