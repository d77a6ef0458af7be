import { Secret } from '../../core/model/secret.js';
import { connectionOptions } from './connection-options.js';

function read(url: string): ReturnType<typeof connectionOptions> {
  return connectionOptions(new Secret(url));
}

describe('a database URL', () => {
  it('of Prisma’s dialect keeps its meaning, and Postgres is not told what it does not know', () => {
    const { client, schema, poolMax } = read(
      'postgresql://u:p@db:6432/llm?schema=mcp&connection_limit=7&pool_timeout=30&pgbouncer=true&application_name=x',
    );
    expect(schema).toBe('mcp');
    expect(poolMax).toBe(7);
    expect(client.options).toBe('-c search_path="mcp"');
    expect(client.connectionString).toBe('postgresql://u:p@db:6432/llm?application_name=x');
  });

  it('without a schema leaves the search path to the user’s settings', () => {
    for (const url of ['postgresql://u:p@db/llm', 'postgres://u:p@db/llm?schema=public']) {
      expect(read(url).client.options).toBeUndefined();
    }
  });

  it('quotes a schema, whatever its name', () => {
    expect(read('postgresql://db/llm?schema=a%22%3B--').client.options).toBe('-c search_path="a"";--"');
  });

  it('reads sslmode as libpq does', () => {
    expect(read('postgresql://db/llm?sslmode=require').client.connectionString).toContain('uselibpqcompat=true');
    expect(read('postgresql://db/llm').client.connectionString).not.toContain('uselibpqcompat');
  });

  it('is shown without its credential', () => {
    expect(read('postgresql://user:canary@db/llm?password=canary').address).toBe('db:5432/llm');
  });

  it.each(['', 'db', 'mysql://u:canary@db/llm', 'file:./canary.db', 'u:canary@db:5432/llm'])(
    'that is none is refused without being repeated: %s',
    (url) => {
      expect(() => read(url)).toThrow('DATABASE_URL is not a URL of the form postgresql://');
      expect(() => read(url)).not.toThrow(/canary/);
    },
  );
});
