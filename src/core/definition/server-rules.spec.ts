import { checkServerRules, effectiveTransport } from './server-rules.js';
import { ServerDefinition } from './server.definition.js';
import { validateDefinition } from './validate-definition.js';

function define(raw: Record<string, unknown>): ServerDefinition {
  const { value, problems } = validateDefinition(ServerDefinition, raw);
  expect(problems).toEqual([]);
  return value;
}

function check(raw: Record<string, unknown>) {
  return checkServerRules(define(raw)).map(({ path, severity }) => `${severity} ${path.join('.')}`);
}

const url = 'https://h/mcp';

describe('rules across the fields of a server', () => {
  it.each<[string, Record<string, unknown>]>([
    ['a URL alone', { url }],
    ['a command alone', { command: 'node', args: ['x.js'], env: { A: 'b' }, cwd: '/tmp', isolation: 'session' }],
    ['a URL with an empty command', { url, command: '', args: [], env: {} }],
    ['an auth_type without a value: the client brings it', { url, auth_type: 'bearer_token' }],
    ['basic as user:password', { url, auth_type: 'basic', auth_value: 'user:pass word' }],
    ['basic as base64', { url, auth_type: 'basic', auth_value: 'dXNlcjpwYXNz' }],
    ['basic with the word before it', { url, auth_type: 'basic', auth_value: 'Basic dXNlcjpwYXNz' }],
    ['authorization verbatim', { url, auth_type: 'authorization', auth_value: 'Bearer x' }],
    ['user and password in the URL', { url: 'https://u:p@h/mcp' }],
  ])('has nothing against %s', (_, raw) => {
    expect(check(raw)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['neither url nor command', {}, ['error url']],
    ['stdio without command', { transport: 'stdio', url }, ['error command', 'warning url']],
    ['http without url', { transport: 'http', command: 'node' }, ['error url', 'warning command']],
    ['sse without url', { transport: 'sse' }, ['error url']],
    ['basic that is neither form', { url, auth_type: 'basic', auth_value: 'justaword' }, ['error auth_value']],
    [
      'basic in the other field',
      { url, auth_type: 'basic', authentication_token: '?' },
      ['error authentication_token'],
    ],
    ['a doubled Bearer', { url, auth_type: 'bearer_token', auth_value: 'Bearer abc' }, ['warning auth_value']],
    ['a value without auth_type', { url, auth_value: 'x' }, ['warning auth_value']],
    [
      'both credential fields',
      { url, auth_type: 'api_key', auth_value: 'x', authentication_token: 'y' },
      ['warning auth_value'],
    ],
    [
      'a URL credential beside auth_type',
      { url: 'https://u:p@h/', auth_type: 'api_key', auth_value: 'x' },
      ['error url'],
    ],
    ['a command line in command', { command: 'npx -y server' }, ['warning command']],
    ['headers for a child process', { command: 'node', static_headers: { A: 'b' } }, ['warning static_headers']],
    ['a folder for a remote server', { url, cwd: '/tmp' }, ['warning cwd']],
    ['allow and deny together', { url, allowed_tools: ['a'], disallowed_tools: ['b'] }, ['warning disallowed_tools']],
    [
      'signing without region, over sse',
      { url, transport: 'sse', auth_type: 'aws_sigv4' },
      ['error aws_region_name', 'error transport'],
    ],
    [
      'client credentials without them',
      { url, auth_type: 'oauth2', oauth2_flow: 'client_credentials' },
      ['error client_id', 'error client_secret'],
    ],
    ['a flow without OAuth', { url, oauth2_flow: 'authorization_code' }, ['warning oauth2_flow']],
  ])('points at %s', (_, raw, expected) => {
    expect(check(raw)).toEqual(expected);
  });

  it.each([
    [{ url }, 'auto'],
    [{ url: 'https://h/sse' }, 'auto'],
    [{ url, transport: 'sse' }, 'sse'],
    [{ url, transport: 'http' }, 'http'],
    [{ command: 'node' }, 'stdio'],
    [{ command: 'node', url }, 'stdio'],
    [{ command: 'node', url, transport: 'http' }, 'http'],
  ])('reaches %j by %s', (raw, expected) => {
    expect(effectiveTransport(define(raw))).toBe(expected);
  });
});
