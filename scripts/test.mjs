// npm test: prepares like `npm start`, then runs jest. Arguments after `--` are jest's.
import { join } from 'node:path';
import { ROOT, main, prepare } from './prepare.mjs';
import { runNode } from './run-child.mjs';

await main(async () => {
  await prepare();
  const options = [process.env.NODE_OPTIONS, '--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  await runNode([join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), ...process.argv.slice(2)], {
    env: { NODE_OPTIONS: options.filter(Boolean).join(' ') },
    // Watch mode reads keys.
    ownGroup: false,
  });
});
