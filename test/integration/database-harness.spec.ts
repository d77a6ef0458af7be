import { testPostgres } from '../harness/postgres.js';

describe('testPostgres', () => {
  it('gives every caller an empty, migrated database of their own', async () => {
    const [one, other] = await Promise.all([testPostgres(), testPostgres()]);
    await one.query("INSERT INTO gateway_setting (key, value) VALUES ('a', '1')");
    expect(await one.query('SELECT key FROM gateway_setting')).toEqual([{ key: 'a' }]);
    expect(await other.query('SELECT key FROM gateway_setting')).toEqual([]);
    await Promise.all([one.drop(), other.drop()]);
  });

  it('gives an empty one on request', async () => {
    const empty = await testPostgres({ migrated: false });
    expect(await empty.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    await empty.drop();
  });
});
