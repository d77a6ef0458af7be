import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { keyApi, ok, type KeyApi } from './key-api.js';

let gateway: TestGateway;
let admin: KeyApi;

beforeAll(async () => {
  gateway = await startGateway();
  admin = keyApi(gateway, gateway.key);
});

afterAll(() => gateway.close());

describe('a virtual key', () => {
  test('is shown once, in full, and afterwards only by its hash', async () => {
    const answer = await admin.post('/key/generate', { key_alias: 'ide', duration: '30d', max_budget: 5 });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { key, token, key_name: name } = answer.body;
    expect(key).toMatch(/^sk-[A-Za-z0-9_-]{22}$/);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(name).toBe(`sk-...${String(key).slice(-4)}`);
    const info = await admin.get(`/key/info?key=${String(key)}`);
    expect(info.body).toMatchObject({ key: token, info: { key_alias: 'ide', max_budget: 5, blocked: false } });
    expect(info.text).not.toContain(String(key));
    expect(await ok(admin.post('/key/block', { key }))).toMatchObject({ blocked: true });
    expect(await ok(admin.post('/key/unblock', { key: token }))).toMatchObject({ blocked: false });
    expect(await ok(admin.get('/key/list'))).toMatchObject({ keys: [token], total_count: 1 });
    expect(await ok(admin.post('/key/delete', { keys: [key] }))).toEqual({ deleted_keys: [token] });
    expect((await admin.get(`/key/info?key=${String(token)}`)).status).toBe(404);
  });
});
