import { argumentMismatch, mirroredArguments } from './param-headers.js';
import { headerMismatch, passedHeaders, type HeaderFields } from './request-headers.js';

const VERSION = '2026-07-28';

describe('the standard headers (2026-07-28, "Standard Request Headers")', () => {
  const good: HeaderFields = { 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call', 'mcp-name': 'add' };

  test('are in order when they repeat the body', () => {
    expect(headerMismatch(good, 'tools/call', VERSION, { name: 'add' })).toBeUndefined();
    expect(headerMismatch({ ...good, 'mcp-name': '=?base64?YWRk?=' }, 'tools/call', VERSION, { name: 'add' })).toBe(
      undefined,
    );
  });

  test.each<[string, HeaderFields, string]>([
    ['no version', { ...good, 'mcp-protocol-version': undefined }, 'MCP-Protocol-Version'],
    ['another version', { ...good, 'mcp-protocol-version': '2025-11-25' }, 'MCP-Protocol-Version'],
    ['no method', { ...good, 'mcp-method': undefined }, 'Mcp-Method'],
    ['another method', { ...good, 'mcp-method': 'tools/list' }, 'Mcp-Method'],
    ['the method in another case', { ...good, 'mcp-method': 'TOOLS/CALL' }, 'Mcp-Method'],
    ['no name', { ...good, 'mcp-name': undefined }, 'Mcp-Name'],
    ['another name', { ...good, 'mcp-name': 'Add' }, 'Mcp-Name'],
    ['broken base64', { ...good, 'mcp-name': '=?base64?YWRk=?=' }, 'Mcp-Name'],
    ['two names', { ...good, 'mcp-name': ['add', 'add'] }, 'Mcp-Name'],
  ])('%s is a mismatch', (_what, headers, header) => {
    expect(headerMismatch(headers, 'tools/call', VERSION, { name: 'add' })?.header).toBe(header);
  });

  test('a name is wanted by tools/call, prompts/get and resources/read, and by nothing else', () => {
    const { 'mcp-name': _name, ...nameless } = good;
    const wants = (method: string, params: Record<string, string>): boolean =>
      headerMismatch({ ...nameless, 'mcp-method': method }, method, VERSION, params)?.header === 'Mcp-Name';
    expect(wants('prompts/get', { name: 'p' })).toBe(true);
    expect(wants('resources/read', { uri: 'x:y' })).toBe(true);
    expect(wants('tools/list', { name: 'x' })).toBe(false);
    expect(wants('constructor', { name: 'x' })).toBe(false);
  });
});

describe('headers from tool parameters (2026-07-28, "Custom Headers from Tool Parameters")', () => {
  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      count: { type: 'integer', 'x-mcp-header': 'Count' },
      dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
      nested: { type: 'object', properties: { deep: { type: 'string', 'x-mcp-header': 'Deep' } } },
      price: { type: 'number', 'x-mcp-header': 'Price' },
      again: { type: 'string', 'x-mcp-header': 'REGION' },
      list: { type: 'array', items: { type: 'string', 'x-mcp-header': 'Item' } },
      bad: { type: 'string', 'x-mcp-header': 'no token' },
    },
  };
  const mirrored = mirroredArguments(schema);

  test('are those of strings, integers and booleans reached through properties, each name once', () => {
    expect(mirrored.map(({ name }) => name)).toEqual(['Region', 'Count', 'Dry', 'Deep']);
    expect(mirroredArguments(true)).toEqual([]);
    expect(mirroredArguments({ properties: { a: true } })).toEqual([]);
  });

  test.each<[unknown, HeaderFields]>([
    [{ region: 'eu' }, { 'mcp-param-region': 'eu' }],
    [{ region: 'ü' }, { 'mcp-param-region': '=?base64?w7w=?=' }],
    [{ count: 42 }, { 'mcp-param-count': '42.0' }],
    [{ dry: false }, { 'mcp-param-dry': 'false' }],
    [{ nested: { deep: 'x' } }, { 'mcp-param-deep': 'x' }],
    [{ region: null }, {}],
    [{}, { 'mcp-param-region': 'ignored' }],
    [undefined, {}],
  ])('%j is repeated by %j', (given, headers) => {
    expect(argumentMismatch(mirrored, given, headers)).toBeUndefined();
  });

  test.each<[unknown, HeaderFields, string]>([
    [{ region: 'eu' }, {}, 'Mcp-Param-Region'],
    [{ region: 'eu' }, { 'mcp-param-region': 'EU' }, 'Mcp-Param-Region'],
    [{ region: 'eu' }, { 'mcp-param-region': '=?base64?ZXU?=' }, 'Mcp-Param-Region'],
    [{ count: 42 }, { 'mcp-param-count': '43' }, 'Mcp-Param-Count'],
    [{ dry: true }, { 'mcp-param-dry': 'True' }, 'Mcp-Param-Dry'],
    [{ nested: { deep: 'x' } }, { 'mcp-param-deep': 'y' }, 'Mcp-Param-Deep'],
  ])('%j is not repeated by %j', (given, headers, header) => {
    expect(argumentMismatch(mirrored, given, headers)?.header).toBe(header);
  });
});

describe('headers that an intermediary passes on', () => {
  test('are those of the protocol that it does not write itself', () => {
    const headers = {
      'mcp-param-region': 'eu',
      'mcp-future': 'x',
      'mcp-method': 'tools/call',
      'mcp-name': 't',
      'mcp-protocol-version': '2026-07-28',
      'mcp-session-id': 's',
      authorization: 'Bearer x',
      'x-mcp-auth': 'y',
      'mcp-twice': ['a', 'b'],
    };
    expect(passedHeaders(headers, () => false)).toEqual({ 'mcp-param-region': 'eu', 'mcp-future': 'x' });
    expect(passedHeaders({ 'mcp-method': 'ping' }, () => false)).toBeUndefined();
  });

  test('never hold a secret, however it is written', () => {
    const isSecret = (value: string): boolean => value.includes('sk-secret');
    const encoded = `=?base64?${Buffer.from('sk-secret').toString('base64')}?=`;
    const headers = { 'mcp-a': 'sk-secret', 'mcp-b': encoded, 'mcp-c': 'fine' };
    expect(passedHeaders(headers, isSecret)).toEqual({ 'mcp-c': 'fine' });
  });
});
