import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { keyApi, ok, type Body, type KeyApi } from './key-api.js';

let gateway: TestGateway;
let admin: KeyApi;
const tokens = new Map<string, string>();

/** Alias, spend, budget, user. */
const KEYS: readonly (readonly [string, number, number | null, string | null])[] = [
  ['a', 3, null, 'ann'],
  ['b', 1, 5, 'bob'],
  ['c', 2, 5, 'ann'],
  ['d', 2, 1, null],
  ['e', 0, null, 'bob'],
];

beforeAll(async () => {
  gateway = await startGateway();
  admin = keyApi(gateway, gateway.key);
  for (const [key_alias, spend, max_budget, user_id] of KEYS) {
    const { token } = await ok(admin.post('/key/generate', { key_alias, spend, max_budget, user_id }));
    tokens.set(String(token), key_alias);
  }
});

afterAll(() => gateway.close());

async function list(query: string): Promise<Body & { readonly aliases: string }> {
  const answer = await ok(admin.get(`/key/list?${query}`));
  const aliases = (answer['keys'] as string[]).map((token) => tokens.get(token)).join('');
  return { ...answer, aliases };
}

describe('/key/list', () => {
  test.each([
    ['', 'edcba'],
    ['sort_by=created_at&sort_order=asc', 'abcde'],
    ['sort_by=key_alias', 'edcba'],
    ['sort_by=spend&sort_order=desc', expect.stringMatching(/^a(cd|dc)be$/)],
    ['sort_by=spend&sort_order=asc', expect.stringMatching(/^eb(cd|dc)a$/)],
    ['sort_by=max_budget&sort_order=asc', expect.stringMatching(/^d(bc|cb)(ae|ea)$/)],
    ['sort_by=max_budget&sort_order=desc', expect.stringMatching(/^(bc|cb)d(ae|ea)$/)],
    ['user_id=ann', 'ca'],
    ['key_alias=b', 'b'],
    ['user_id=ann&key_alias=b', ''],
    ['status=deleted', ''],
    ['team_id=nowhere', ''],
  ])('?%s', async (query, aliases) => {
    expect((await list(query)).aliases).toEqual(aliases);
  });

  test('finds a key by its hash', async () => {
    const [token = ''] = tokens.keys();
    expect((await list(`key_hash=${token}`)).aliases).toBe('a');
  });

  test('pages hold every key once, however many sort alike', async () => {
    for (const sort of ['created_at', 'spend', 'max_budget', 'team_id']) {
      const pages = await Promise.all([1, 2, 3, 4].map((page) => list(`size=2&page=${page}&sort_by=${sort}`)));
      expect([sort, pages.map(({ aliases }) => aliases.length)]).toEqual([sort, [2, 2, 1, 0]]);
      expect(
        pages
          .map(({ aliases }) => aliases)
          .join('')
          .split('')
          .sort()
          .join(''),
      ).toBe('abcde');
      expect(pages[1]).toMatchObject({ total_count: 5, current_page: 2, total_pages: 3 });
    }
  });

  test('shows whole keys when asked, and their users', async () => {
    const whole = (await list('key_alias=a&return_full_object=true'))['keys'] as Body[];
    expect(whole).toMatchObject([{ key_alias: 'a', spend: 3, user_id: 'ann', object_permission: null }]);
    expect(whole[0]).not.toHaveProperty('user');
    expect((await list('key_alias=a&expand=user'))['keys']).toMatchObject([
      { key_alias: 'a', user: { user_id: 'ann', user_role: 'internal_user' } },
    ]);
  });

  test.each([
    'page=0',
    'page=x',
    'size=0',
    'size=101',
    'sort_by=token_hash',
    'sort_order=up',
    'expand=team',
    'return_full_object=perhaps',
  ])('?%s is refused with 422 that names the parameter', async (query) => {
    const { status, body } = await admin.get(`/key/list?${query}`);
    expect([status, JSON.stringify(body)]).toEqual([422, expect.stringContaining(`"query","${query.split('=')[0]}"`)]);
  });
});
