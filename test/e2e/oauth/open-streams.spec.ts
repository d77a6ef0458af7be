import pg from 'pg';
import { insertKey } from '../../factory/insert-key.js';
import { adminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { Person } from './person.js';
import { codeFor, form, redeem, type TokenSet } from './token-requests.js';

describe('what was begun with an access token', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    gateway = await startGateway({
      config: {
        mcp_servers: { wiki: { url: upstream.url } },
        general_settings: { oauth: { access_token_seconds: 1 } },
      },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  test('goes on when the token ends, and ends with the grant; nothing of it is written down', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
    const person = new Person(key);
    const authorized = await codeFor(gateway.url, person);
    const { body: tokens } = await redeem(gateway.url, authorized);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const stream = await fetch(`${gateway.url}/sse`, { headers });
    expect(stream.status).toBe(200);
    let ended = false;
    const end = stream.text().then(
      () => (ended = true),
      () => (ended = true),
    );
    const list = (token: string): Promise<number> =>
      rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { headers: { authorization: `Bearer ${token}` } }).then(
        ({ status }) => status,
      );
    await waitFor(async () => (await list(tokens.access_token)) === 401, { what: 'the token to end', everyMs: 100 });
    const { body: second } = await form<TokenSet>(`${gateway.url}/token`, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
      client_id: authorized.clientId,
    });
    expect(await list(second.access_token)).toBe(200);
    // Looked after every second: it would have ended by now.
    await waitFor(async () => (await list(second.access_token)) === 401, { what: 'the next to end', everyMs: 100 });
    expect(ended).toBe(false);

    const admin = adminCaller(gateway.url, gateway.key);
    const { body } = await admin('GET', '/v1/oauth/grants');
    const [grant] = (body as { grants: { id: string }[] }).grants;
    expect((await admin('DELETE', `/v1/oauth/grants/${grant?.id ?? ''}`)).status).toBe(200);
    await end;

    const client = new pg.Client({ connectionString: gateway.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ text: string }>(
      `SELECT row_to_json(t)::text AS text FROM oauth_flow AS t
       UNION ALL SELECT row_to_json(t)::text FROM oauth_grant AS t
       UNION ALL SELECT row_to_json(t)::text FROM audit_entry AS t`,
    );
    await client.end();
    const written = gateway.logs() + rows.map(({ text }) => text).join('\n');
    const cookies = [...person.browser.cookies(gateway.url).values()];
    expect(cookies).toHaveLength(2);
    const secrets = [key, authorized.code, authorized.verifier, tokens.access_token, tokens.refresh_token, ...cookies];
    for (const secret of secrets) expect(written.includes(secret)).toBe(false);
  });
});
