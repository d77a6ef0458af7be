import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import {
  changePermission,
  changeRow,
  insertEndUser,
  insertOrganization,
  insertTeam,
  insertUser,
} from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { AUDIENCE, tokenIssuer, type TokenIssuer } from '../../harness/token-issuer.js';
import { waitFor } from '../../harness/wait-for.js';

let wiki: FakeUpstream;
let mail: FakeUpstream;
let company: TokenIssuer;
let partner: TokenIssuer;
let gateway: TestGateway;

beforeAll(async () => {
  const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
  wiki = await fakeUpstream({ tools: [tool('read'), tool('write')] });
  mail = await fakeUpstream({ tools: [tool('send')] });
  [company, partner] = [await tokenIssuer(), await tokenIssuer()];
  gateway = await startGateway({
    config: {
      mcp_servers: { wiki: { url: wiki.url }, mail: { url: mail.url } },
      general_settings: {
        jwt_auth: [
          {
            issuer: company.issuer,
            audience: AUDIENCE,
            team_id_claim: 'groups',
            org_id_claim: 'org',
            user_email_claim: 'email',
            roles_claim: 'realm_access.roles',
            role_map: { 'gateway-admin': 'proxy_admin', reader: 'internal_user_viewer' },
            user_id_upsert: true,
          },
          { issuer: partner.issuer, audience: ['other', 'partners'], jwks_uri: partner.jwksUri, team_id_claim: 'team' },
        ],
      },
    },
  });
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([wiki.close(), mail.close(), company.close(), partner.close()]);
});

function list(token: string, headers: Record<string, string> = {}) {
  return rpc(`${gateway.url}/mcp`, 'tools/list', undefined, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
}

async function tools(token: string, headers?: Record<string, string>): Promise<readonly string[]> {
  const answer = await list(token, headers);
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
  return (answer.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
}

describe('a token of a configured issuer', () => {
  test('has the rights of its team, organization and user', async () => {
    const url = gateway.databaseUrl;
    const org = await insertOrganization(url, { permission: { servers: ['wiki', 'mail'] } });
    const team = await insertTeam(url, {
      organizationId: org,
      permission: { toolPermissions: { wiki: ['read'], mail: ['send'] } },
    });
    const user = await insertUser(url, { permission: { servers: ['wiki'] } });
    expect(await tools(await company.token({ sub: 'a', groups: team }))).toEqual(['mail-send', 'wiki-read']);
    expect(await tools(await company.token({ sub: user, groups: [team], org }))).toEqual(['wiki-read']);
    expect(await tools(await company.token({ sub: 'b' }))).toEqual([]);
  });

  test('adds up its teams, of one organization', async () => {
    const url = gateway.databaseUrl;
    const first = await insertTeam(url, { permission: { toolPermissions: { wiki: ['read'] } } });
    const second = await insertTeam(url, { permission: { servers: ['mail'] } });
    const silent = await insertTeam(url);
    const elsewhere = await insertTeam(url, {
      organizationId: await insertOrganization(url),
      permission: { servers: ['wiki'] },
    });
    const token = await company.token({ sub: 'a', groups: [first, 'no such team', silent, second, elsewhere] });
    expect(await tools(token)).toEqual(['mail-send', 'wiki-read']);
  });

  test('of several is judged by its own', async () => {
    const team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
    expect((await list(await partner.token({ sub: 'a', team }, { audience: 'partners' }))).status).toBe(200);
    expect((await list(await partner.token({ sub: 'a', team }))).status).toBe(401);
    expect((await list(await company.token({ sub: 'a' }, { audience: 'partners' }))).status).toBe(401);
    expect((await list(await partner.token({ sub: 'a' }, { issuer: company.issuer }))).status).toBe(401);
    expect((await list(await company.token({ sub: 'a' }, { issuer: 'https://nobody.example' }))).status).toBe(401);
  });

  test('gives a role by its claims', async () => {
    const admin = await company.token({ sub: 'boss', realm_access: { roles: ['x', 'gateway-admin', 'reader'] } });
    expect(await tools(admin)).toHaveLength(3);
    const metrics = (token: string) =>
      fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect((await metrics(admin)).status).toBe(200);
    expect((await list(await company.token({ sub: 'x', realm_access: { roles: ['reader'] } }))).status).toBe(200);
  });

  test('makes its user where that is asked for', async () => {
    const token = await company.token({ sub: 'newcomer', email: 'newcomer@example.com' });
    expect(await tools(token)).toEqual([]);
    await changePermission(gateway.databaseUrl, 'user', 'newcomer', { servers: ['mail'] });
    await waitFor(async () => (await tools(token)).length === 1, { timeoutMs: 1_000 });
  });

  test('is refused without a team that is known and active, and with an unknown organization', async () => {
    const url = gateway.databaseUrl;
    const blocked = await insertTeam(url, { blocked: true });
    const deleted = await insertTeam(url, { deletedAt: new Date() });
    for (const claims of [
      { groups: 'nobody' },
      { groups: [] },
      { groups: blocked },
      { groups: [deleted] },
      { groups: [7] },
      { org: 'nobody' },
    ]) {
      expect((await list(await company.token({ sub: 'a', ...claims }))).status).toBe(401);
    }
  });

  test('loses its rights with its team within a second', async () => {
    const team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
    const token = await company.token({ sub: 'a', groups: team });
    expect(await tools(token)).toHaveLength(2);
    await changeRow(gateway.databaseUrl, 'team', team, 'UPDATE team SET blocked = true WHERE id = $1', [team]);
    await waitFor(async () => (await list(token)).status === 401, { timeoutMs: 1_000 });
  });

  test('is narrowed by an end user', async () => {
    const url = gateway.databaseUrl;
    const team = await insertTeam(url, { permission: { servers: ['wiki', 'mail'] } });
    const endUser = await insertEndUser(url, { permission: { servers: ['mail'] } });
    const token = await company.token({ sub: 'a', groups: team });
    expect(await tools(token, { 'x-litellm-end-user-id': endUser })).toEqual(['mail-send']);
  });
});

describe('no token is accepted', () => {
  const soon = () => Math.floor(Date.now() / 1_000) + 60;

  test.each<[string, () => Promise<string>]>([
    ['that has expired', () => company.token({ sub: 'a' }, { expiresAt: Math.floor(Date.now() / 1_000) - 60 })],
    ['that is not valid yet', () => company.token({ sub: 'a', nbf: soon() })],
    ['for another audience', () => company.token({ sub: 'a' }, { audience: 'somebody else' })],
    ['without a subject', () => company.token({})],
    [
      'signed by another key under a known id',
      async () => {
        const { privateKey } = await generateKeyPair('ES256');
        return company.token({ sub: 'a' }, { signWith: privateKey });
      },
    ],
    [
      'that is not signed',
      () =>
        Promise.resolve(
          new UnsecuredJWT({ sub: 'a' })
            .setIssuer(company.issuer)
            .setAudience(AUDIENCE)
            .setExpirationTime(soon())
            .encode(),
        ),
    ],
    [
      'signed with a shared secret, were it the public key itself',
      async () => {
        const published = await (await fetch(company.jwksUri)).text();
        return new SignJWT({ sub: 'a' })
          .setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
          .setIssuer(company.issuer)
          .setAudience(AUDIENCE)
          .setExpirationTime(soon())
          .sign(Buffer.from(published));
      },
    ],
    ['that is an identity assertion', () => company.token({ sub: 'a' }, { type: 'oauth-id-jag+jwt' })],
    ['that tells of a logout', () => company.token({ sub: 'a' }, { type: 'application/logout+jwt' })],
    ['that never ends', () => company.token({ sub: 'a' }, { expiresAt: null })],
    ['that is none', () => Promise.resolve('eyJ.eyJ.x')],
  ])('%s', async (_what, make) => {
    const answer = await list(await make());
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('resource_metadata');
  });
});

describe('the keys of an issuer', () => {
  test('are fetched once for many, again for a key that is new, and not for every key somebody makes up', async () => {
    const issuer = await tokenIssuer();
    const fresh = await startGateway({
      config: {
        mcp_servers: { wiki: { url: wiki.url } },
        general_settings: { jwt_auth: [{ issuer: issuer.issuer, audience: AUDIENCE }] },
      },
    });
    const ask = async (token: string) => (await rpc(`${fresh.url}/mcp`, 'ping', undefined, { key: token })).status;
    try {
      const many = await Promise.all(
        Array.from({ length: 20 }, (_unused, index) => issuer.token({ sub: String(index) })),
      );
      expect(new Set(await Promise.all(many.map(ask)))).toEqual(new Set([200]));
      expect(issuer.fetches).toBe(1);
      const made = await Promise.all(
        Array.from({ length: 20 }, (_unused, index) => issuer.token({ sub: 'a' }, { keyId: `x${index}` })),
      );
      expect(new Set(await Promise.all(made.map(ask)))).toEqual(new Set([401]));
      expect(issuer.fetches).toBeLessThanOrEqual(2);
      await issuer.rotate(true);
      const rotated = () => issuer.token({ sub: 'a', jti: String(Math.random()) });
      await waitFor(async () => (await ask(await rotated())) === 200, { timeoutMs: 20_000, everyMs: 250 });
      issuer.setAway(true);
      expect(await ask(await rotated())).toBe(200);
      expect(await ask(many[0] ?? '')).toBe(200);
    } finally {
      await fresh.close();
      await issuer.close();
    }
  });

  test('that cannot be had make nobody welcome: 503, and no entry', async () => {
    const issuer = await tokenIssuer();
    issuer.setAway(true);
    const alone = await startGateway({
      config: { general_settings: { jwt_auth: [{ issuer: issuer.issuer, audience: AUDIENCE }] } },
    });
    const answer = await rpc(`${alone.url}/mcp`, 'ping', undefined, { key: await issuer.token({ sub: 'a' }) });
    expect(answer.status).toBe(503);
    await alone.close();
    await issuer.close();
  });
});

test("the incumbent's settings for tokens are understood", async () => {
  const issuer = await tokenIssuer();
  const former = await startGateway({
    config: {
      mcp_servers: { wiki: { url: wiki.url } },
      general_settings: {
        enable_jwt_auth: true,
        litellm_jwtauth: { team_ids_jwt_field: 'groups', admin_jwt_scope: 'admin' },
      },
    },
    env: { JWT_PUBLIC_KEY_URL: issuer.jwksUri, JWT_AUDIENCE: AUDIENCE },
  });
  const names = async (claims: object) => {
    const { message } = await rpc(`${former.url}/mcp`, 'tools/list', undefined, {
      key: await issuer.token({ sub: 'a', ...claims }),
    });
    return (message?.result?.['tools'] as unknown[]).length;
  };
  const team = await insertTeam(former.databaseUrl, { permission: { toolPermissions: { wiki: ['read'] } } });
  expect(await names({ groups: [team] })).toBe(1);
  expect(await names({ scope: 'openid admin' })).toBe(2);
  await former.close();
  await issuer.close();
});
