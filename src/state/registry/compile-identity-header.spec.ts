import { declareServer } from '../../core/definition/declare-server.js';
import { NO_IDENTITY_HEADER, type IdentityHeaderDefaults } from '../../core/model/identity-header.js';
import { compileServer } from './compile-server.js';

const url = 'https://wiki.example.com/mcp';
const FOR_ALL: IdentityHeaderDefaults = { enabled: true, header: undefined, audience: 'mcp' };

function compile(fields: object, defaults = NO_IDENTITY_HEADER) {
  const { declared, problems } = declareServer({ server_name: 'wiki', url, ...fields }, '-', 'file');
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (declared === undefined) throw new Error('not declared');
  return compileServer(declared, '-', defaults).identityHeader;
}

test.each<[object, IdentityHeaderDefaults, object | undefined]>([
  [{}, NO_IDENTITY_HEADER, undefined],
  [{}, FOR_ALL, { header: 'authorization', audience: 'mcp' }],
  [{ identity_header: false }, FOR_ALL, undefined],
  [{ identity_header: { enabled: false } }, FOR_ALL, undefined],
  [{ identity_header: true }, NO_IDENTITY_HEADER, { header: 'authorization', audience: 'wiki' }],
  [{ identity_header: { audience: 'a' } }, FOR_ALL, { header: 'authorization', audience: 'a' }],
  [{ identity_header: { header: 'X-Who' } }, NO_IDENTITY_HEADER, { header: 'x-who', audience: 'wiki' }],
  [
    { identity_header: true, is_byok: true, auth_type: 'api_key' },
    NO_IDENTITY_HEADER,
    { header: 'x-gatehouse-identity' },
  ],
  [{ identity_header: true, static_headers: { Authorization: 'x' } }, FOR_ALL, { header: 'x-gatehouse-identity' }],
  [{ identity_header: true, extra_headers: ['authorization'] }, FOR_ALL, { header: 'x-gatehouse-identity' }],
  [{ identity_header: true, auth_type: 'token', auth_value: 't' }, FOR_ALL, { header: 'x-gatehouse-identity' }],
  // A child process has no headers.
  [{ url: undefined, command: 'node', identity_header: true }, FOR_ALL, undefined],
])('%j under %j', (fields, defaults, expected) => {
  const compiled = compile(fields, defaults);
  if (expected === undefined) expect(compiled).toBeUndefined();
  else expect(compiled).toMatchObject(expected);
});

test.each([[7], [{ heder: 'x' }], [{ header: 'content-length' }], [{ audience: 1 }]])(
  'identity_header %j is an error',
  (identity_header) => {
    const { problems } = declareServer({ server_name: 'wiki', url, identity_header }, '-', 'file');
    expect(problems).toContainEqual(expect.objectContaining({ severity: 'error' }));
  },
);
