import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { isAlive } from '../harness/is-alive.js';
import { waitFor } from '../harness/wait-for.js';

const LAUNCHER = new URL('launcher-fixture.mjs', import.meta.url).pathname;
const PROGRAM = new URL('launched-fixture.mjs', import.meta.url).pathname;

let launcher: ChildProcess | undefined;

afterEach(() => launcher?.kill('SIGKILL'));

async function launch(
  command: string,
  args: readonly string[],
): Promise<{ pid: number; version: string; output: () => string; ended: Promise<unknown[]> }> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  launcher = child;
  const ended = once(child, 'close');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const line = await waitFor(() => /^\{.*\}$/m.exec(output)?.[0], { what: 'the program to start' });
  return { ...(JSON.parse(line) as { pid: number; version: string }), output: () => output, ended };
}

describe('the launcher', () => {
  it('runs the pinned Node, passes SIGTERM on and ends with the code of the gateway', async () => {
    const program = await launch(process.execPath, [LAUNCHER, PROGRAM]);
    expect(program.version).toMatch(/^v24\./);
    launcher?.kill('SIGTERM');
    expect(await program.ended).toEqual([7, null]);
    expect(program.output()).toContain('stopped in order');
  });

  it('passes on once what a terminal and npm both tell it', async () => {
    const program = await launch(process.execPath, [LAUNCHER, PROGRAM]);
    launcher?.kill('SIGINT');
    launcher?.kill('SIGINT');
    await waitFor(() => program.output().includes('interrupted'));
    launcher?.kill('SIGTERM');
    await program.ended;
    expect(program.output().match(/interrupted/g)).toHaveLength(1);
  });

  it('leaves no gateway behind when it is killed', async () => {
    const program = await launch(process.execPath, [LAUNCHER, PROGRAM]);
    launcher?.kill('SIGKILL');
    await waitFor(() => !isAlive(program.pid), { what: 'the gateway to notice' });
    expect(program.output()).toContain('stopped in order');
  });
});
