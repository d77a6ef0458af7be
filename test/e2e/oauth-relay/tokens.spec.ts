import { insertKey, insertUser } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { post, redeem, refresh, signIn, tokens } from './relay-requests.js';
import { relayWorld, type RelayWorld } from './relay-world.js';
import { newBrowser } from './sdk-client.js';

let world: RelayWorld;
let other: FakeUpstream;

beforeAll(async () => {
  other = await fakeUpstream();
  world = await relayWorld({
    servers: {
      other: {
        url: other.url,
        auth_type: 'oauth2',
        authorization_url: 'http://127.0.0.1:9/a',
        token_url: 'http://127.0.0.1:9/t',
        client_id: 'x',
        client_secret: 'y',
        oauth2_flow: 'authorization_code',
      },
      plain: { url: other.url, extra_headers: ['Authorization', 'x-forwarded'] },
    },
  });
});
afterAll(async () => {
  await world.close();
  await other.close();
});

const say = (path: string, key: string, token?: string, more: Record<string, string> = {}) =>
  rpc(
    `${world.gateway.url}${path}`,
    'tools/call',
    { name: 'whoami', arguments: {} },
    {
      key,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...more },
    },
  );

const someKey = (userId?: string) =>
  insertKey(world.gateway.databaseUrl, {
    permission: { servers: ['guarded', 'other', 'plain'] },
    ...(userId === undefined ? {} : { userId }),
  });

describe('tokens of a server in the hands of a client', () => {
  it('the challenge names the metadata of the very path, and nothing is asked of the server without a token', async () => {
    world.server.clearLog();
    for (const path of ['/mcp/guarded', '/guarded/mcp']) {
      const { status, headers } = await say(path, world.gateway.key);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe(
        `Bearer resource_metadata="${world.gateway.url}/.well-known/oauth-protected-resource${path}"`,
      );
    }
    expect(world.server.requests).toEqual([]);
  });

  it('a key in Authorization is no reason for a challenge: it leaves no room for a token', async () => {
    const response = await fetch(world.endpoint, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('/connect/guarded');
  });

  it('works for the key it was issued to and for no other; without a key at /token it works for whoever holds it', async () => {
    const { gateway } = world;
    const [mine, yours] = [await someKey(), await someKey()];
    const bound = await tokens(gateway.url, newBrowser(), { token: { key: mine.key } });
    expect((await say('/mcp/guarded', mine.key, bound.access_token)).message?.result).toBeDefined();
    const refused = await say('/mcp/guarded', yours.key, bound.access_token);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    // Nor is it renewed for the other key.
    expect(await refresh(gateway.url, bound.refresh_token, { key: yours.key })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    const free = await tokens(gateway.url, newBrowser());
    expect((await say('/mcp/guarded', yours.key, free.access_token)).message?.result).toBeDefined();
  });

  it('is the user’s, whichever of their keys they use', async () => {
    const user = await insertUser(world.gateway.databaseUrl, {});
    const [one, two] = [await someKey(user), await someKey(user)];
    const { access_token } = await tokens(world.gateway.url, newBrowser(), { token: { key: one.key } });
    expect((await say('/mcp/guarded', two.key, access_token)).message?.result).toBeDefined();
    expect((await say('/mcp/guarded', (await someKey()).key, access_token)).status).toBe(401);
  });

  it('of one server is useless at another, and reaches nobody but its own in any form', async () => {
    other.clearLog();
    const { access_token, refresh_token } = await tokens(world.gateway.url, newBrowser());
    expect((await say('/mcp/other', world.gateway.key, access_token)).status).toBe(401);
    expect((await say('/mcp/guarded', world.gateway.key, refresh_token)).status).toBe(401);
    await say('/mcp/plain', world.gateway.key, access_token, {
      'x-forwarded': refresh_token,
      'x-mcp-auth': access_token,
    });
    await say('/mcp', world.gateway.key, access_token, { 'x-mcp-plain-authorization': `Bearer ${access_token}` });
    expect(other.seen('tools/call').length + other.seen('tools/list').length).toBeGreaterThan(0);
    expect(other.transcript()).not.toMatch(/gh[uv]_/);
    const upstreamToken = world.server.requests.at(-1)?.headers.authorization ?? 'none';
    expect(other.transcript()).not.toContain(upstreamToken.replace('Bearer ', ''));
  });

  it('defect 31 of the incumbent: a gateway key in Authorization is never forwarded to an oauth2 server', async () => {
    world.server.clearLog();
    const key = (await someKey()).key;
    for (const authorization of [`Bearer ${key}`, `Bearer ${world.gateway.key}`, 'Bearer sk-1234567890123456789012']) {
      await rpc(world.endpoint, 'tools/list', {}, { key: world.gateway.key, headers: { authorization } });
    }
    expect(world.server.transcript()).not.toContain('sk-');
    expect(world.server.transcript()).not.toContain(world.gateway.key);
  });

  it('as the server gave it goes to the one server that the path names', async () => {
    other.clearLog();
    world.server.clearLog();
    const raw = 'upstream-token-of-the-client';
    await say('/mcp/guarded', world.gateway.key, raw);
    await say('/mcp', world.gateway.key, raw);
    await rpc(
      `${world.gateway.url}/mcp/other,guarded`,
      'tools/list',
      {},
      { key: world.gateway.key, headers: { authorization: `Bearer ${raw}` } },
    );
    const reached = world.server.requests.filter(({ headers }) => headers.authorization === `Bearer ${raw}`);
    expect(reached.length).toBeGreaterThan(0);
    expect(other.requests.filter(({ path }) => path.includes('other')).length).toBe(0);
  });

  it('defect 29 of the incumbent: refresh works, after the access token has ended too, and rotates upstream', async () => {
    const first = await tokens(world.gateway.url, newBrowser());
    world.provider.expireAccessTokens();
    const refused = await say('/mcp/guarded', world.gateway.key, first.access_token);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
    const [once, twice] = await Promise.all([
      refresh(world.gateway.url, first.refresh_token),
      refresh(world.gateway.url, first.refresh_token),
    ]);
    expect(once.status).toBe(200);
    // The same token sent twice is one refresh: the server would take the second for theft.
    expect(twice.body.access_token).toBe(once.body.access_token);
    expect(once.headers.get('cache-control')).toBe('no-store');
    expect((await say('/mcp/guarded', world.gateway.key, once.body.access_token)).message?.result).toBeDefined();
    expect((await refresh(world.gateway.url, once.body.refresh_token)).status).toBe(200);
  });

  it('a dead grant of the server is invalid_grant for the client, and a server that is away is a 503: never a 500', async () => {
    const { refresh_token } = await tokens(world.gateway.url, newBrowser());
    world.provider.revokeAll();
    expect(await refresh(world.gateway.url, refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });

    const lonely = await relayWorld();
    try {
      const held = await tokens(lonely.gateway.url, newBrowser());
      await lonely.provider.close();
      const away = await refresh(lonely.gateway.url, held.refresh_token);
      expect(away).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(away.headers.get('retry-after')).not.toBeNull();
    } finally {
      await lonely.close();
    }
  });

  it('revocation ends the sign-in at the server and here, on every replica, for access and refresh tokens alike', async () => {
    const replica = await startGateway({
      databaseUrl: world.gateway.databaseUrl,
      config: { mcp_servers: { guarded: { url: world.server.url, auth_type: 'oauth2' } } },
    });
    try {
      const held = await tokens(world.gateway.url, newBrowser());
      const key = (await someKey()).key;
      const at = (base: string) =>
        rpc(
          `${base}/mcp/guarded`,
          'tools/call',
          { name: 'whoami', arguments: {} },
          { key, headers: { authorization: `Bearer ${held.access_token}` } },
        );
      for (const base of [world.gateway.url, replica.url]) expect((await at(base)).message?.result).toBeDefined();
      world.provider.clearLog();
      const form = { token: held.refresh_token, client_id: 'guarded' };
      expect((await post(`${world.gateway.url}/guarded/revoke`, form)).status).toBe(200);
      expect(world.provider.seen('/token/revocation').length).toBeGreaterThan(0);
      expect((await at(world.gateway.url)).status).toBe(401);
      await waitFor(async () => (await at(replica.url)).status === 401, {
        what: 'the other replica to refuse',
        timeoutMs: 3_000,
      });
      expect(await refresh(replica.url, held.refresh_token)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      // Again, and a token of nobody's: RFC 7009 §2.2.
      expect((await post(`${world.gateway.url}/guarded/revoke`, form)).status).toBe(200);
      expect((await post(`${world.gateway.url}/guarded/revoke`, { ...form, token: 'nonsense' })).status).toBe(200);
    } finally {
      await replica.close();
    }
  });

  it('a code that comes again ends what it gave', async () => {
    const back = await signIn(world.gateway.url, newBrowser());
    const code = back.searchParams.get('code') ?? '';
    const { body } = await redeem(world.gateway.url, code);
    expect((await say('/mcp/guarded', world.gateway.key, body.access_token)).message?.result).toBeDefined();
    expect(await redeem(world.gateway.url, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await say('/mcp/guarded', world.gateway.key, body.access_token)).status).toBe(401);
  });

  it('is told of a scope it lacks with all scopes that are needed, the present ones included (step-up)', async () => {
    const { access_token, scope } = await tokens(world.gateway.url, newBrowser());
    expect(scope?.split(' ')).toContain('mcp:read');
    const answer = await rpc(
      world.endpoint,
      'tools/call',
      { name: 'write', arguments: {} },
      {
        key: world.gateway.key,
        headers: { authorization: `Bearer ${access_token}` },
      },
    );
    expect(answer.status).toBe(403);
    const challenge = answer.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('resource_metadata="');
    const scopes = /scope="([^"]*)"/.exec(challenge)?.[1]?.split(' ');
    expect(scopes).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
    const more = await tokens(world.gateway.url, newBrowser(), { authorize: { scope: 'mcp:read mcp:write' } });
    const written = await rpc(
      world.endpoint,
      'tools/call',
      { name: 'write', arguments: {} },
      {
        key: world.gateway.key,
        headers: { authorization: `Bearer ${more.access_token}` },
      },
    );
    expect(JSON.stringify(written.message?.result)).toContain('written');
  });
});

describe('oauth_token_mode: passthrough', () => {
  it('gives the client the tokens of the server as they are, and renews and revokes them', async () => {
    const raw = await relayWorld({ entry: { oauth_token_mode: 'passthrough' } });
    try {
      const { access_token, refresh_token } = await tokens(raw.gateway.url, newBrowser());
      expect(await raw.provider.lookUp(access_token)).toMatchObject({ user: 'alice' });
      const call = (token: string) =>
        rpc(
          raw.endpoint,
          'tools/call',
          { name: 'whoami', arguments: {} },
          { key: raw.gateway.key, headers: { authorization: `Bearer ${token}` } },
        );
      expect((await call(access_token)).message?.result).toBeDefined();
      const renewed = await refresh(raw.gateway.url, refresh_token);
      expect(await raw.provider.lookUp(renewed.body.access_token)).toBeDefined();
      await post(`${raw.gateway.url}/guarded/revoke`, { token: renewed.body.refresh_token, client_id: 'guarded' });
      expect((await refresh(raw.gateway.url, renewed.body.refresh_token)).body.error).toBe('invalid_grant');
      expect((await call('another')).headers.get('www-authenticate')).toContain('error="invalid_token"');
    } finally {
      await raw.close();
    }
  });
});
