import type { JwtIssuer } from '../../platform/config/settings.js';
import { readAudience } from './token-audience.js';

const issuer: JwtIssuer = {
  issuer: 'https://login.example.com',
  audiences: ['gatehouse'],
  jwksUri: undefined,
  algorithms: ['RS256'],
  userIdClaim: 'sub',
  userEmailClaim: undefined,
  teamIdClaims: [],
  organizationIdClaim: undefined,
  rolesClaims: [],
  roleMap: new Map(),
  makesUsers: false,
  keysTtlMs: 1,
  endpoints: { scopes: [] },
};
const BASE = 'https://gw.example.com/root';

describe('the audience of a token', () => {
  it.each([
    ['gatehouse', 'everywhere'],
    [['other', 'gatehouse'], 'everywhere'],
    [['https://gw.example.com/root/mcp', 'gatehouse'], 'everywhere'],
    ['https://gw.example.com/root/mcp', '/mcp'],
    ['https://gw.example.com/root/mcp/', '/mcp'],
    ['https://gw.example.com/root/mcp/wiki', '/mcp/wiki'],
    [['https://api.example.com', 'https://gw.example.com/root/wiki/mcp'], '/wiki/mcp'],
    [['https://gw.example.com/root/mcp/wiki', 'https://gw.example.com/root/mcp/mail'], 'others'],
    ['https://gw.example.com/root', 'others'],
    ['https://gw.example.com/rooted/mcp', 'others'],
    ['https://gw.example.com.evil.org/root/mcp', 'others'],
    ['https://gw.example.com/root/mcp?x', 'others'],
    ['HTTPS://GW.example.com/root/mcp', 'others'],
    ['somebody else', 'others'],
    [[], 'others'],
    [undefined, 'others'],
  ])('%j is %s', (aud, expected) => {
    const read = readAudience(issuer, aud === undefined ? {} : { aud }, BASE);
    expect(read.kind === 'endpoint' ? read.path : read.kind).toBe(expected);
  });

  it('is no endpoint for an issuer that makes no tokens for those', () => {
    const other = { ...issuer, endpoints: undefined };
    expect(readAudience(other, { aud: `${BASE}/mcp` }, BASE).kind).toBe('others');
  });
});
