import { oddServer, openStdioServer, texts, toolCall } from './pipe-harness.js';

/** A process that owns a stubborn child and a grandchild, tells their pids, and then leaves in the way it is asked to. */
const [how = 'exit'] = process.argv.slice(2);
const { connection } = await openStdioServer(how === 'sigkill' ? oddServer() : oddServer('--stubborn'));
const [where = ''] = texts(await connection.request(toolCall('where'), {}));
const [grandchild = ''] =
  how === 'sigkill' ? [] : texts(await connection.request(toolCall('fork', '{"stubborn":true}'), {}));
process.stdout.write(`${JSON.stringify({ pids: [(JSON.parse(where) as { pid: number }).pid, Number(grandchild)] })}\n`);

process.stdin.once('data', () => {
  if (how === 'exit') process.exit(0);
  if (how === 'sigkill') process.kill(process.pid, 'SIGKILL');
  throw new Error('a bug nobody caught');
});
