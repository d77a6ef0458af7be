import { closestName } from './closest-name.js';

const FIELDS = ['url', 'auth_type', 'auth_value', 'allowed_tools', 'disallowed_tools', 'static_headers', 'args', 'env'];

describe('closestName', () => {
  it.each([
    ['allowed_tool', 'allowed_tools'],
    ['alowed_tools', 'allowed_tools'],
    ['allowedTools', 'allowed_tools'],
    ['auth-type', 'auth_type'],
    ['AUTH_TYPE', 'auth_type'],
    ['atuh_type', 'auth_type'],
    ['static_header', 'static_headers'],
    ['ulr', 'url'],
    ['arg', 'args'],
  ])('takes %s for a misspelt %s', (written, meant) => {
    expect(closestName(written, FIELDS)).toBe(meant);
  });

  it.each(['', 'x', 'password', 'completely_different', 'tools'])('suggests nothing for %j', (written) => {
    expect(closestName(written, FIELDS)).toBeUndefined();
  });
});
