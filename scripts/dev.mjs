// npm run dev: runs the gateway and starts it anew when a source changes. A build that fails leaves the old one running.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { PreparationError, ROOT, main, prepare, say } from './prepare.mjs';
import { forwardSignals, startNode } from './run-child.mjs';

const SETTLE_MS = 200;
const WATCHED = ['src', 'prisma'];

await main(async () => {
  await prepare();
  let running = start();
  let stopping = false;
  forwardSignals(() => {
    stopping = true;
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
    if (running === undefined) process.exit(0);
    return running.child;
  });

  let timer;
  let busy = false;
  let again = false;
  const watchers = WATCHED.map((folder) =>
    watch(join(ROOT, folder), { recursive: true }, (_event, name) => {
      if (name === null || name.includes('generated') || name.endsWith('.spec.ts')) return;
      clearTimeout(timer);
      timer = setTimeout(() => void renew(), SETTLE_MS);
    }),
  );

  function start() {
    const started = startNode(['--enable-source-maps', join(ROOT, 'dist', 'main.js'), ...process.argv.slice(2)]);
    void started.ended.then(({ code }) => {
      if (running === started) running = undefined;
      if (stopping) process.exitCode = code ?? 1;
      else if (running === undefined && !busy) say('the gateway ended; waiting for a change');
    });
    return started;
  }

  async function renew() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await prepare();
      if (stopping) return;
      const former = running;
      former?.child.kill('SIGTERM');
      await former?.ended;
      if (!stopping) running = start();
    } catch (error) {
      if (!(error instanceof PreparationError)) throw error;
      say(error.message);
    } finally {
      busy = false;
    }
    if (again) {
      again = false;
      await renew();
    }
  }
});
