import { makeServerEntry } from '../../../../test/factory/make-server-entry.js';
import { EMPTY_OFFER, type ClientOffer } from '../../../core/model/client-offer.js';
import { Secret } from '../../../core/model/secret.js';
import type { ServerEntry, StaticAuth } from '../../../core/model/server-entry.js';
import { resolveCredential } from './resolve-credential.js';

function entry(overrides: Partial<ServerEntry> = {}): ServerEntry {
  const endpoint = { kind: 'http', transport: 'http', url: 'http://upstream.test/mcp' } as const;
  return makeServerEntry('server', { id: 'id-1', endpoint, ...overrides });
}

function auth(type: StaticAuth['type'], value: string): Partial<ServerEntry> {
  const tokenHeader = type === 'api_key' ? 'x-api-key' : 'authorization';
  return { auth: { type, value: new Secret(value) }, tokenHeader };
}

function offer(overrides: Partial<ClientOffer>): ClientOffer {
  return { ...EMPTY_OFFER, ...overrides };
}

describe('the credential of the server itself', () => {
  test.each([
    ['api_key', 'k', { 'x-api-key': 'k' }],
    ['bearer_token', 'k', { authorization: 'Bearer k' }],
    ['bearer_token', 'Bearer k', { authorization: 'Bearer k' }],
    ['token', 'k', { authorization: 'token k' }],
    ['authorization', 'Custom k', { authorization: 'Custom k' }],
    ['basic', 'user:pass', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['basic', 'dXNlcjpwYXNz', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['basic', 'Basic dXNlcjpwYXNz', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['basic', 'abcd', { authorization: 'Basic YWJjZA==' }],
  ] as const)('%s writes %j as the contract says (§2)', (type, value, headers) => {
    expect(resolveCredential(entry(auth(type, value)), EMPTY_OFFER)).toEqual({ headers, env: {}, identity: 'shared' });
  });

  test('a value read from a file with its line end is sent without it', () => {
    const { headers } = resolveCredential(entry(auth('bearer_token', 'k\n')), EMPTY_OFFER);
    expect(headers).toEqual({ authorization: 'Bearer k' });
  });

  test('a value that would inject a header is refused without being shown', () => {
    const bad = entry(auth('bearer_token', 'canary\r\nx-evil: 1'));
    expect(() => resolveCredential(bad, EMPTY_OFFER)).toThrow(expect.objectContaining({ code: 'config/invalid' }));
    expect(() => resolveCredential(bad, EMPTY_OFFER)).not.toThrow(/canary/);
  });

  test('a user and password in the URL are sent as a header', () => {
    const url = 'https://us%40er:pa%3Ass@upstream.test/mcp';
    const { headers } = resolveCredential(entry({ endpoint: { kind: 'http', transport: 'http', url } }), EMPTY_OFFER);
    expect(headers).toEqual({ authorization: `Basic ${Buffer.from('us@er:pa:ss').toString('base64')}` });
  });

  test('a caller that offers nothing costs no allocation', () => {
    const own = entry({ ...auth('api_key', 'k'), extraHeaders: ['X-Tenant'] });
    const first = resolveCredential(own, EMPTY_OFFER);
    expect(resolveCredential(own, offer({ headers: { 'x-other': '1' } }))).toBe(first);
  });
});

describe('what the client brings', () => {
  test('its headers for this server win over the server’s own credential (contract §8, reference Appendix A)', () => {
    const resolved = resolveCredential(
      entry(auth('api_key', 'own')),
      offer({ perServer: new Map([['id-1', { Authorization: 'Bearer mine' }]]), shared: 'for-all' }),
    );
    expect(resolved.headers).toEqual({ authorization: 'Bearer mine' });
  });

  test('a header that is no credential leaves the server’s own in place', () => {
    const resolved = resolveCredential(
      entry(auth('api_key', 'own')),
      offer({ perServer: new Map([['id-1', { 'x-tenant': 't' }]]) }),
    );
    expect(resolved.headers).toEqual({ 'x-api-key': 'own', 'x-tenant': 't' });
  });

  test('headers for another server are not sent', () => {
    const resolved = resolveCredential(entry(), offer({ perServer: new Map([['id-2', { 'x-tenant': 't' }]]) }));
    expect(resolved).toEqual({ headers: {}, env: {}, identity: 'shared' });
  });

  test.each([
    ['api_key', 'v', { 'x-api-key': 'v' }],
    ['bearer_token', 'Bearer v', { authorization: 'Bearer v' }],
    ['basic', 'u:p', { authorization: 'Basic dTpw' }],
  ] as const)('the credential for all servers is written as %s wants it', (type, shared, headers) => {
    expect(resolveCredential(entry(auth(type, 'own')), offer({ shared })).headers).toEqual(headers);
  });

  test.each([
    ['v', 'Bearer v'],
    ['Bearer v', 'Bearer v'],
    ['Custom v', 'Custom v'],
  ])('the credential for all servers %j reaches a server without auth_type as Authorization: %s', (shared, sent) => {
    expect(resolveCredential(entry(), offer({ shared })).headers).toEqual({ authorization: sent });
  });

  test('extra_headers are copied whatever their spelling, static_headers win over everything', () => {
    const server = entry({
      ...auth('bearer_token', 'own'),
      extraHeaders: ['X-Tenant', 'Authorization', 'X-Fixed'],
      staticHeaders: [['x-FIXED', new Secret('static')]],
    });
    const resolved = resolveCredential(
      server,
      offer({ headers: { 'x-tenant': 't', authorization: 'Bearer theirs', 'x-fixed': 'client', 'x-not-named': 'n' } }),
    );
    expect(resolved.headers).toEqual({ authorization: 'Bearer theirs', 'x-tenant': 't', 'x-fixed': 'static' });
  });

  test('a client’s Authorization named in extra_headers goes beside the server’s own key', () => {
    const server = entry({ ...auth('api_key', 'own'), extraHeaders: ['authorization'] });
    expect(resolveCredential(server, offer({ headers: { authorization: 'Bearer theirs' } })).headers).toEqual({
      'x-api-key': 'own',
      authorization: 'Bearer theirs',
    });
  });

  test('what a static header replaces does not count as contributed', () => {
    const server = entry({ extraHeaders: ['x-fixed'], staticHeaders: [['x-fixed', new Secret('s')]] });
    expect(resolveCredential(server, offer({ headers: { 'x-fixed': 'c' } }))).toEqual({
      headers: { 'x-fixed': 's' },
      env: {},
      identity: 'shared',
    });
  });

  test.each([
    'host',
    'content-length',
    'connection',
    'transfer-encoding',
    'mcp-session-id',
    'mcp-protocol-version',
    'accept',
    'content-type',
  ])('%s cannot be set by anybody', (name) => {
    const server = entry({ extraHeaders: [name], staticHeaders: [[name, new Secret('s')]] });
    const resolved = resolveCredential(
      server,
      offer({ headers: { [name]: 'c' }, perServer: new Map([['id-1', { [name]: 'p' }]]) }),
    );
    expect(resolved.headers).toEqual({});
  });

  test('a value with a line end is refused', () => {
    const bad = offer({ perServer: new Map([['id-1', { 'x-a': 'a\r\nx-evil: 1' }]]) });
    expect(() => resolveCredential(entry(), bad)).toThrow(expect.objectContaining({ code: 'rpc/invalid_request' }));
  });

  test('the identity tells contributions apart and is blind to what is not sent', () => {
    const server = entry({ extraHeaders: ['x-tenant'] });
    const identity = (headers: ClientOffer['headers']): string =>
      resolveCredential(server, offer({ headers })).identity;
    expect(identity({ 'x-tenant': 'a' })).toBe(identity({ 'x-tenant': 'a', 'x-other': '1' }));
    expect(identity({ 'x-tenant': 'a' })).not.toBe(identity({ 'x-tenant': 'b' }));
    expect(identity({ 'x-tenant': 'a' })).not.toContain('a"');
    expect(identity({ 'x-other': '1' })).toBe('shared');
  });
});

describe('the environment of a stdio server (reference Appendix A)', () => {
  const stdio = entry({
    endpoint: {
      kind: 'stdio',
      command: 'c',
      args: [],
      cwd: undefined,
      isolation: 'server',
      env: {
        FIXED: new Secret('f'),
        TOKEN: new Secret('${X-My-Token}'),
        LITERAL: new Secret('${Other}'),
        PART: new Secret('a ${X-My-Token}'),
      },
    },
  });

  test('a whole-value ${X-NAME} is filled from the client’s header, anything else is literal', () => {
    expect(resolveCredential(stdio, offer({ headers: { 'x-my-token': 'secret' } })).env).toEqual({
      FIXED: 'f',
      TOKEN: 'secret',
      LITERAL: '${Other}',
      PART: 'a ${X-My-Token}',
    });
  });

  test('without the header the variable is left out, and the environment is the shared one', () => {
    const resolved = resolveCredential(stdio, EMPTY_OFFER);
    expect(resolved.env).toEqual({ FIXED: 'f', LITERAL: '${Other}', PART: 'a ${X-My-Token}' });
    expect(resolved.identity).toBe('shared');
  });

  test('other values, other identity', () => {
    const identity = (token: string): string =>
      resolveCredential(stdio, offer({ headers: { 'x-my-token': token } })).identity;
    expect(identity('a')).toBe(identity('a'));
    expect(identity('a')).not.toBe(identity('b'));
  });
});
