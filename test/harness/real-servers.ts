import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

const require = createRequire(import.meta.url);

function entryPoint(name: 'everything' | 'filesystem' | 'memory'): string {
  return join(dirname(require.resolve(`@modelcontextprotocol/server-${name}/package.json`)), 'dist', 'index.js');
}

/** How a `config.yaml` names a real server that runs as a child of the gateway. */
export interface StdioDefinition {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function everythingOverStdio(): StdioDefinition {
  return { transport: 'stdio', command: process.execPath, args: [entryPoint('everything'), 'stdio'] };
}

export function filesystemOverStdio(folder: string): StdioDefinition {
  return { transport: 'stdio', command: process.execPath, args: [entryPoint('filesystem'), folder] };
}

export function memoryOverStdio(file: string): StdioDefinition {
  return {
    transport: 'stdio',
    command: process.execPath,
    args: [entryPoint('memory')],
    env: { MEMORY_FILE_PATH: file },
  };
}

/** A real server over HTTP, in a process of its own. */
export interface RealServer {
  readonly url: string;
  readonly port: number;
  readonly output: () => string;
  close(): Promise<void>;
}

/** `server-everything` at `/mcp` (streamable HTTP, with sessions) or `/sse` (the transport of 2024-11-05). */
export async function everythingOverHttp(mode: 'streamableHttp' | 'sse', port?: number): Promise<RealServer> {
  const taken = port ?? (await freePort());
  const child = spawn(process.execPath, [entryPoint('everything'), mode], {
    env: { PATH: process.env['PATH'], PORT: String(taken) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const path = mode === 'sse' ? '/sse' : '/mcp';
  await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`server-everything ended: ${output}`);
      return /(listening|running) on port/.test(output);
    },
    { what: `server-everything ${mode}`, timeoutMs: 20_000 },
  );
  return { url: `http://127.0.0.1:${taken}${path}`, port: taken, output: () => output, close: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
