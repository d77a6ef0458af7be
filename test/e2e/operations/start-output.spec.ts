import { startGatewayProcess } from '../../harness/gateway-process.js';
import { testPostgres } from '../../harness/postgres.js';
import { waitFor } from '../../harness/wait-for.js';

describe('what a start says', () => {
  test.each([1, 2])('is said once, of flags and of the file, by %i processes, and nothing else', async (workers) => {
    const database = await testPostgres();
    const gateway = await startGatewayProcess({
      config: { mcp_servers: { up: { url: 'http://127.0.0.1:9/mcp', descripton: 'x' } } },
      args: ['--workers', String(workers)],
      env: { LITELLM_MASTER_KEY: 'sk-short', LOG_LEVEL: 'warn' },
      databaseUrl: database.url.reveal(),
    });
    try {
      // What a worker logs comes through a pipe of its own, maybe after the announcement.
      await waitFor(() => gateway.output().includes('did you mean'), { what: 'the warning about the file' });
      const output = gateway.output();
      expect(output.match(/fewer than 16 characters/g)).toHaveLength(1);
      expect(output.match(/did you mean \\?"description/g)).toHaveLength(1);
      // Node's own warnings: deprecated calls, listeners that pile up.
      expect(output).not.toMatch(/\(node:\d+\)|DeprecationWarning/);
    } finally {
      await gateway.close();
      await database.drop();
    }
  });
});
