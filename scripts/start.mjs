// npm start: installs and builds what is missing or stale, then runs the gateway. Arguments after `--` are its own.
import { join } from 'node:path';
import { ROOT, main, prepare } from './prepare.mjs';
import { runNode } from './run-child.mjs';

await main(async () => {
  await prepare();
  await runNode(['--enable-source-maps', join(ROOT, 'dist', 'main.js'), ...process.argv.slice(2)]);
});
