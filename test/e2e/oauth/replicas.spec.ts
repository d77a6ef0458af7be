import { insertKey } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { CALLBACK, Person } from './person.js';
import { authorizeUrl, form, pkce, register, type TokenSet } from './token-requests.js';

/** Two replicas behind one name: every step of a sign-in may be at the other one. */
test('a sign-in goes on at any replica: registration, pages, code, refresh, revocation', async () => {
  const upstream: FakeUpstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
  const config = { mcp_servers: { wiki: { url: upstream.url } } };
  const first = await startGateway({ config });
  const second = await startGateway({ config, databaseUrl: first.databaseUrl });
  const { key } = await insertKey(first.databaseUrl, { permission: { servers: ['wiki'] } });

  // Both are known by the name of the first, as behind a load balancer.
  const host = { host: new URL(first.url).host };
  const { body: client } = await register(second.url);
  const clientId = String(client['client_id']);
  const { verifier, challenge } = pkce();
  const answer = await new Person(key).signIn(
    authorizeUrl(first.url, {
      client_id: clientId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    }),
  );
  const ask = (at: TestGateway, fields: Record<string, string>) =>
    form<TokenSet>(`${at.url}/token`, { client_id: clientId, ...fields }, host);
  const code = { grant_type: 'authorization_code', code: answer.get('code') ?? '', code_verifier: verifier };
  const tokens = await ask(second, code);
  expect(tokens.status).toBe(200);
  const list = (at: TestGateway, token: string): Promise<number> =>
    rpc(`${at.url}/mcp`, 'tools/list', undefined, { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    );
  expect([await list(first, tokens.body.access_token), await list(second, tokens.body.access_token)]).toEqual([
    200, 200,
  ]);

  const refreshed = await ask(first, { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token });
  expect(refreshed.status).toBe(200);
  // At once: the former refresh token may come again, once the other replica has it too.
  const again = await ask(second, { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token });
  expect(again.status).toBe(200);

  // The code at the other replica: it was used.
  expect((await ask(first, code)).body).toMatchObject({ error: 'invalid_grant' });
  expect(await list(first, refreshed.body.access_token)).toBe(401);
  await second.close();
  await first.close();
  await upstream.close();
});
