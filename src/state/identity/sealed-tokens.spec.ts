import { randomBytes } from 'node:crypto';
import { Secret } from '../../core/model/secret.js';
import { SealedTokens } from './sealed-tokens.js';

const tokens = new SealedTokens(new Secret('a salt of ours'));
const foreign = new SealedTokens(new Secret('a salt of another installation'));

test('a token says what was sealed into it, to its own kind only', () => {
  const access = tokens.seal('access', ['grant', '/mcp', 1]);
  expect(tokens.open('access', access)).toEqual(['grant', '/mcp', 1]);
  expect(tokens.open('refresh', access)).toBeUndefined();
  expect(tokens.open('refresh', access.replace('gha_', 'ghr_'))).toBeUndefined();
  expect(tokens.open('access', foreign.seal('access', ['grant', '/mcp', 1]))).toBeUndefined();
  expect(tokens.open('access', `${access}A`)).toBeUndefined();
  expect(tokens.open('access', '')).toBeUndefined();
});

test('ours are known by what follows the prefix: those of GitHub begin the same way and may travel on', () => {
  for (const kind of ['access', 'refresh', 'upstream_access', 'upstream_refresh'] as const) {
    const token = tokens.seal(kind, { any: 'thing' });
    expect(tokens.isOurs(token)).toBe(true);
    // Damaged or cut, it is still nothing to send anywhere.
    expect(tokens.isOurs(`${token.slice(0, 40)}x`)).toBe(true);
  }
  for (const prefix of ['ghu_', 'ghr_', 'ghs_', 'ghp_', 'gho_', 'ghv_']) {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      expect(tokens.isOurs(prefix + randomBytes(27).toString('base64url').replace(/[-_]/g, 'a'))).toBe(false);
    }
  }
  expect(tokens.isOurs('sk-1234')).toBe(false);
});
