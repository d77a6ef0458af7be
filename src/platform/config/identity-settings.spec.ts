import { generateKeyPairSync } from 'node:crypto';
import { identitySettings } from './identity-settings.js';
import { SettingsReader } from './settings-reader.js';
import { identityHeaderOfGuardrails } from './signer-guardrail.js';

test('nobody is told who calls unless somebody asks for it', () => {
  expect(identitySettings({}, new SettingsReader({}))).toEqual({
    defaults: { enabled: false, header: undefined, audience: undefined },
    issuer: undefined,
    ttlMs: 300_000,
    rotationMs: 90 * 86_400_000,
    fixedKey: undefined,
  });
});

test.each([
  ['not a key', 'must be a private key in PEM'],
  ['file:///nowhere/key.pem', 'names a file that cannot be read'],
  [generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'must be an RSA key'],
  [
    generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'must be an RSA key of 2048 bits',
  ],
])('MCP_JWT_SIGNING_KEY that is no such key is refused at the start, without a word of it', (written, reason) => {
  const reader = new SettingsReader({ MCP_JWT_SIGNING_KEY: written });
  expect(identitySettings({}, reader).fixedKey).toBeUndefined();
  expect(reader.problems).toEqual([
    { severity: 'error', field: 'MCP_JWT_SIGNING_KEY', message: expect.stringContaining(reason) },
  ]);
  expect(JSON.stringify(reader.problems)).not.toContain(written.slice(30, 60) || 'PEM key');
});

const signer = (parameters: object) => [
  { guardrail_name: 'x', litellm_params: { guardrail: 'mcp_jwt_signer', ...parameters } },
];

test.each<[unknown, object | undefined]>([
  [undefined, undefined],
  [[{ litellm_params: { guardrail: 'presidio', default_on: true } }, 7], undefined],
  // Asked for request by request, which nobody does here.
  [signer({ default_on: false }), undefined],
  [signer({ default_on: true }), { audience: 'mcp' }],
  [
    signer({ default_on: true, issuer: 'https://who.example.com', audience: 'tools', ttl_seconds: 10 }),
    { issuer: 'https://who.example.com', audience: 'tools', ttl_seconds: 60 },
  ],
  [signer({ default_on: true, issuer: 'os.environ/ISSUER' }), { audience: 'mcp' }],
])('the guardrails %j ask for %j', (guardrails, expected) => {
  expect(identityHeaderOfGuardrails(guardrails)).toEqual(expected);
});
