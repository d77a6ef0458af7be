import { createServer } from 'node:net';
import { startGatewayProcess, type GatewayProcessOptions } from '../../harness/gateway-process.js';
import { listen } from '../../harness/listen.js';
import { testPostgres } from '../../harness/postgres.js';

const STACK = /\n\s+at .+:\d+/;

async function run(options: GatewayProcessOptions): Promise<{ code: number | null; output: string }> {
  const gateway = await startGatewayProcess({ until: 'started', ...options });
  const { code } = await gateway.exited;
  const output = gateway.output();
  await gateway.close();
  return { code, output };
}

describe('a start that cannot succeed says why in a sentence and leaves with 1', () => {
  test('the port is taken', async () => {
    const database = await testPostgres();
    const holder = await listen(createServer());
    const { code, output } = await run({
      config: {},
      port: holder.port,
      databaseUrl: database.url.reveal(),
      env: { LOG_LEVEL: 'warn' },
    });
    expect(code).toBe(1);
    expect(output).toContain(`port ${holder.port} on 127.0.0.1 is already in use`);
    expect(output).toContain('--port');
    expect(output).not.toMatch(STACK);
    await holder.close();
    await database.drop();
  });

  test('the configuration is invalid: every problem with its line', async () => {
    const config = 'mcp_servers:\n  github:\n    url: 7\n    transport: carrier-pigeon\n  shell:\n    command: [x]\n';
    const { code, output } = await run({ config });
    expect(code).toBe(1);
    expect(output).toMatch(/config\.yaml:3:\d+ mcp_servers\.github\.url/);
    expect(output).toMatch(/config\.yaml:4:\d+ mcp_servers\.github\.transport/);
    expect(output).toMatch(/config\.yaml:6:\d+/);
    expect(output).not.toMatch(STACK);
  });

  test('no key beyond loopback', async () => {
    const { code, output } = await run({
      config: {},
      args: ['--host', '0.0.0.0'],
      env: { LITELLM_MASTER_KEY: undefined },
    });
    expect(code).toBe(1);
    expect(output).toMatch(/LITELLM_MASTER_KEY/);
    expect(output).not.toMatch(STACK);
  });

  test('the database refuses us', async () => {
    const database = await testPostgres();
    const url = new URL(database.url.reveal());
    url.pathname = '/there_is_no_such_database';
    const { code, output } = await run({ config: {}, databaseUrl: url.href, env: { LOG_LEVEL: 'warn' } });
    expect(code).toBe(1);
    expect(output).toMatch(/Database unavailable: .*there_is_no_such_database/);
    expect(output).not.toContain(url.password);
    expect(output).not.toMatch(STACK);
    await database.drop();
  });

  test('a flag that does not exist', async () => {
    const { code, output } = await run({ args: ['--prot', '1'] });
    expect(code).toBe(2);
    expect(output).toContain('did you mean "--port"');
  });
});

describe('--check', () => {
  test('prints the problems, starts nothing, and answers by its exit code', async () => {
    const bad = await run({ config: 'mcp_servers: { a: { url: 7 } }\n', args: ['--check'] });
    expect(bad.code).toBe(1);
    expect(bad.output).toMatch(/config\.yaml:1:\d+ mcp_servers\.a\.url/);
    const good = await run({
      config: { mcp_servers: { a: { url: 'http://127.0.0.1:9/mcp', descripton: 'x' } } },
      args: ['--check'],
    });
    expect(good.code).toBe(0);
    expect(good.output).toMatch(/did you mean "description"/);
    expect(good.output).toContain('is valid: 1 server');
    expect(good.output).not.toContain('listens on');
  });
});
