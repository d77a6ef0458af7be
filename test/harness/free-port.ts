import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give out themselves, so that no listener on 0 and no outgoing connection takes one. */
const FIRST = 15_000;
const END = 32_000;
const TRIES_MAX = 50;

/**
 * A port of 127.0.0.1 that was free a moment ago: for dead ports, and for programs that cannot say which port they
 * took. Whoever can, listens on 0.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = randomInt(FIRST, END);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port in ${TRIES_MAX} tries`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    // Somebody has it.
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
