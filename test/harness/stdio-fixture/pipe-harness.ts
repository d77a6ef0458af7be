import { fileURLToPath } from 'node:url';
import { pino, type Logger } from 'pino';
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import type { HttpEndpoint, ServerEntry, StdioEndpoint } from '../../../src/core/model/server-entry.js';
import { makeServerEntry } from '../../factory/make-server-entry.js';
import { requestText, type RpcMessage } from '../../../src/core/protocol/rpc-message.js';
import type { ConnectOptions, UpstreamConnection } from '../../../src/engine/upstream/connection.js';
import { openStdio, type StdioContext } from '../../../src/engine/upstream/transport/open-stdio.js';
import type { UpstreamRequest } from '../../../src/engine/upstream/upstream.js';
import type { StdioDefinition } from '../real-servers.js';

let lastId = 1_000;

/** Ids as the pool gives them. */
export const nextRequestId = (): number => (lastId += 1);

/** What a session was told outside of calls. */
export interface Told {
  readonly notifications: RpcMessage[];
  readonly closes: string[];
  /** Every line of our log. */
  readonly log: string[];
  readonly logger: Logger;
}

export function told(): Told {
  const log: string[] = [];
  const logger = pino({ level: 'trace', base: null }, { write: (line: string) => void log.push(line) });
  return { notifications: [], closes: [], log, logger };
}

export interface EntryOverrides {
  readonly timeoutMs?: number;
  readonly limits?: Partial<Limits>;
  readonly env?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: ServerEntry['origin'];
  readonly cwd?: string;
}

export function connectOptions(
  endpoint: HttpEndpoint | StdioEndpoint,
  overrides: EntryOverrides,
  { notifications, closes }: Told,
): ConnectOptions {
  const entry = makeServerEntry('odd', {
    origin: overrides.origin ?? 'file',
    endpoint,
    timeoutMs: overrides.timeoutMs,
  });
  return {
    entry,
    credential: { headers: overrides.headers ?? {}, env: overrides.env ?? {}, identity: 'shared' },
    limits: { ...DEFAULT_LIMITS, ...overrides.limits },
    nextRequestId,
    onNotification: (message) => void notifications.push(message),
    onClose: (reason) => void closes.push(reason),
  };
}

/** A command line of the odd server. */
export function oddServer(...flags: string[]): StdioDefinition {
  const script = fileURLToPath(new URL('odd-server.mjs', import.meta.url));
  return { transport: 'stdio', command: process.execPath, args: [script, ...flags] };
}

export interface OpenedStdio extends Told {
  readonly connection: UpstreamConnection;
}

/** Opens a stdio server, and remembers to close it: see {@link closeAll}. */
export async function openStdioServer(
  definition: StdioDefinition,
  overrides: EntryOverrides = {},
  context: Partial<StdioContext> = {},
): Promise<OpenedStdio> {
  const session = told();
  const endpoint: StdioEndpoint = {
    kind: 'stdio',
    command: definition.command,
    args: definition.args,
    env: {},
    cwd: overrides.cwd,
    isolation: 'server',
  };
  const connection = await openStdio(
    connectOptions(endpoint, { ...overrides, env: { ...definition.env, ...overrides.env } }, session),
    {
      logger: session.logger,
      clientVersion: '0.0.0-test',
      environment: process.env,
      stdio: { enabled: false, allowedCommands: [] },
      ...context,
    },
  );
  return { ...session, connection: remember(connection) };
}

const opened = new Set<UpstreamConnection>();

export function remember(connection: UpstreamConnection): UpstreamConnection {
  opened.add(connection);
  return connection;
}

/** Closes every connection of the test that just ended. */
export async function closeAll(): Promise<void> {
  const connections = [...opened];
  opened.clear();
  await Promise.all(connections.map((connection) => connection.close()));
}

/** A tools/call as a caller composes it: the id is also the progress token. */
export function toolCall(
  name: string,
  argumentsText = '{}',
  more: Partial<UpstreamRequest> = {},
): UpstreamRequest & { readonly id: number } {
  const id = nextRequestId();
  const params = `{"name":${JSON.stringify(name)},"arguments":${argumentsText},"_meta":{"progressToken":${id}}}`;
  return { id, method: 'tools/call', text: requestText(id, 'tools/call', params), repeatable: false, ...more };
}

interface Content {
  readonly content: readonly { readonly text: string }[];
}

/** The texts of a tool result. */
export function texts(reply: RpcMessage): string[] {
  return (reply.value['result'] as Content).content.map(({ text }) => text);
}

/** Whether a process runs. One that is dead and only waits for its parent to notice does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const { readFile } = await import('node:fs/promises');
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat);
  } catch {
    try {
      process.kill(pid, 0);
      return process.platform !== 'linux';
    } catch {
      return false;
    }
  }
}
