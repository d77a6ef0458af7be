import type { Logger } from 'pino';
import type { ServerEntry, StdioEndpoint } from '../../../core/model/server-entry.js';
import type { StdioSettings } from '../../../platform/config/settings.js';
import type { ConnectOptions, UpstreamConnection } from '../connection.js';
import { BoundedLog } from './pipe-bounded-log.js';
import type { EraMemory } from '../era-memory.js';
import { NotModernError, notOfItsEra, refusesInitialize } from '../era-negotiation.js';
import { ModernConnection } from './modern-connection.js';
import { clientInfo } from './modern-discover.js';
import { ModernPipeCarrier } from './modern-pipe-carrier.js';
import {
  negotiatePipeConnection,
  openPipeConnection,
  type MessagePipe,
  type NegotiatedPipe,
  type PipeConnectionOptions,
  type PipeEvents,
} from './pipe-connection.js';
import { upstreamError } from '../upstream-error.js';
import { oversizeReplyId } from './pipe-oversize-reply.js';
import { StdioChild } from './stdio-child.js';
import { childEnvironment, environmentRedactor } from './stdio-environment.js';
import { LineSplitter } from './stdio-lines.js';
import { spawnError } from './stdio-spawn-error.js';
import { StdioStderrLog } from './stdio-stderr-log.js';

/** What a child may leave unread of our messages before further ones are refused. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
/** Of the two ends of an oversize message: enough for the envelope around a result. */
const MESSAGE_END_BYTES = 512;
const NOISE_CHARS_MAX = 200;
const NOISE_WINDOW_MS = 10_000;
const NOISE_LINES_MAX = 20;

/** What stdio needs from the process around it. */
export interface StdioContext {
  readonly logger: Logger;
  /** Our version, for `clientInfo`. */
  readonly clientVersion: string;
  /** The gateway's own environment; a child sees only the basics of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdio: Pick<StdioSettings, 'enabled' | 'allowedCommands'>;
}

/**
 * Starts a server as a child process and opens a session with it (stdio transport of every legacy revision). The command
 * is run as it is, never by a shell; the environment holds the basics of ours and `credential.env`. The child's stderr
 * goes to our log, bounded, without the values it was given. Closing ends the child with everything it forked.
 *
 * The reply to `initialize` may take as long as a call (`entry.timeoutMs`, else `limits.callIdleTimeoutMs`), since package
 * runners install on the first start. With `eras` the server may be of either era: unless it is remembered as one of the
 * legacy era it is asked; without, it is taken for one. Throws `upstream/spawn_refused` naming the command and the fix, or `upstream/*`.
 */
export async function openStdio(
  options: ConnectOptions,
  context: StdioContext,
  eras?: EraMemory,
): Promise<UpstreamConnection> {
  const { entry, credential } = options;
  const { endpoint } = entry;
  if (endpoint.kind !== 'stdio') throw new TypeError('openStdio is for stdio endpoints');
  refuseForeignCommand(entry, endpoint, context.stdio);
  if (eras === undefined || entry.protocolEra === 'legacy') return await openLegacy(options, endpoint, context);
  const { identity } = credential;
  if (entry.protocolEra === 'modern') return await openModern(options, endpoint, context);
  if (eras.recall(identity) === 'legacy') {
    try {
      return await openLegacy(options, endpoint, context);
    } catch (error) {
      if (!refusesInitialize(error)) throw error;
      eras.forget(identity);
    }
  }
  try {
    const { era, connection } = await openInEitherEra(options, endpoint, context);
    eras.learn(identity, era);
    return connection;
  } catch (error) {
    if (!(error instanceof NotModernError)) throw error;
    const connection = await openLegacy(options, endpoint, context);
    eras.learn(identity, 'legacy');
    return connection;
  }
}

async function openModern(
  options: ConnectOptions,
  endpoint: StdioEndpoint,
  context: StdioContext,
): Promise<UpstreamConnection> {
  const { entry } = options;
  const { era, connection } = await openInEitherEra(options, endpoint, context).catch((error: unknown) => {
    throw notOfItsEra(error, entry);
  });
  if (era === 'modern') return connection;
  await connection.close();
  throw notOfItsEra(new NotModernError(true), entry);
}

async function openLegacy(
  options: ConnectOptions,
  endpoint: StdioEndpoint,
  context: StdioContext,
): Promise<UpstreamConnection> {
  const { pipeOptions, connectPipe } = await startPipe(options, endpoint, context);
  return await openPipeConnection(pipeOptions, connectPipe);
}

/** A child of the modern era is spoken to in that way; any other as one of the legacy era, mostly the very same child. */
async function openInEitherEra(
  options: ConnectOptions,
  endpoint: StdioEndpoint,
  context: StdioContext,
): Promise<NegotiatedPipe> {
  const { entry, limits, nextRequestId, onNotification, onClose } = options;
  const made: { modern?: ModernConnection } = {};
  const { pipeOptions, connectPipe } = await startPipe(
    {
      ...options,
      onNotification: (message) =>
        made.modern === undefined ? onNotification(message) : made.modern.takeNotification(message),
      onClose: (reason) => {
        made.modern?.markClosed();
        onClose(reason);
      },
    },
    endpoint,
    context,
  );
  const negotiated = await negotiatePipeConnection(pipeOptions, connectPipe);
  if (negotiated.era === 'legacy') return negotiated;
  const pipe = negotiated.connection;
  const clientInfoText = clientInfo(context.clientVersion);
  made.modern = new ModernConnection(
    { entry, info: pipe.info, limits, clientInfoText, nextRequestId, onNotification },
    () => new ModernPipeCarrier(pipe, nextRequestId, clientInfoText),
  );
  return { era: 'modern', connection: made.modern };
}

interface StartedPipe {
  readonly pipeOptions: PipeConnectionOptions;
  readonly connectPipe: (events: PipeEvents) => MessagePipe;
}

async function startPipe(
  options: ConnectOptions,
  endpoint: StdioEndpoint,
  context: StdioContext,
): Promise<StartedPipe> {
  const { entry, credential, limits } = options;

  const logger = context.logger.child({ server: entry.name });
  const redact = environmentRedactor(credential.env);
  const child = await startChild(entry, endpoint, childEnvironment(context.environment, credential.env));
  const noise = new BoundedLog({
    linesMax: NOISE_LINES_MAX,
    windowMs: NOISE_WINDOW_MS,
    write: (text) => logger.warn({ text }, 'a server writes something else than JSON-RPC to its stdout'),
    writeDropped: (count) => logger.warn({ count }, 'a server writes something else than JSON-RPC: lines not shown'),
  });
  return {
    pipeOptions: {
      ...options,
      logger,
      clientVersion: context.clientVersion,
      handshakeTimeoutMs: entry.timeoutMs ?? limits.callIdleTimeoutMs,
      onNoise: (text) => noise.add(redact(text.slice(0, NOISE_CHARS_MAX))),
    },
    connectPipe: (events) =>
      new StdioPipe(entry, child, new StdioStderrLog(logger, redact), limits.resultBytesMax, events),
  };
}

/** The file's own servers may run anything; those that came by REST only what the operator allowed (contract §2). */
function refuseForeignCommand(entry: ServerEntry, endpoint: StdioEndpoint, stdio: StdioContext['stdio']): void {
  if (entry.origin === 'file') return;
  if (!stdio.enabled) {
    throw upstreamError(
      'upstream/spawn_refused',
      entry,
      'stdio servers are not enabled; see general_settings.stdio.enabled',
    );
  }
  if (!stdio.allowedCommands.includes(endpoint.command)) {
    const fix = 'add it to general_settings.stdio.allowed_commands';
    throw upstreamError('upstream/spawn_refused', entry, `the command "${endpoint.command}" is not allowed; ${fix}`);
  }
}

async function startChild(
  entry: ServerEntry,
  endpoint: StdioEndpoint,
  env: Readonly<Record<string, string>>,
): Promise<StdioChild> {
  try {
    return await StdioChild.start({ command: endpoint.command, args: endpoint.args, env, cwd: endpoint.cwd });
  } catch (error) {
    throw await spawnError(entry, endpoint, error);
  }
}

/** One message a line, on the child's standard input and output. */
class StdioPipe implements MessagePipe {
  readonly #entry: ServerEntry;
  readonly #child: StdioChild;

  constructor(
    entry: ServerEntry,
    child: StdioChild,
    stderr: StdioStderrLog,
    messageBytesMax: number,
    events: PipeEvents,
  ) {
    this.#entry = entry;
    this.#child = child;
    const stdout = new LineSplitter({
      lineBytesMax: messageBytesMax,
      endBytes: MESSAGE_END_BYTES,
      onLine: (line) => events.onText(line),
      onOversize: (head, tail) => events.onOversize(oversizeReplyId(head, tail)),
      onEndless: () => {
        const reason = 'it writes a message that does not end';
        events.onLost(reason, upstreamError('upstream/too_large', entry, reason));
      },
    });
    child.listen({
      onOutput: (chunk) => stdout.push(chunk),
      onErrorOutput: (chunk) => stderr.push(chunk),
      onErrorOutputEnd: () => stderr.end(),
      onExit: (what) => {
        stdout.end();
        stderr.end();
        events.onLost(stderr.lastLine === '' ? what : `${what}: ${stderr.lastLine}`);
      },
    });
  }

  send(text: string): void {
    // What is already waiting counts, not this message: one of any size may always go.
    if (this.#child.unreadBytes > UNREAD_BYTES_MAX) {
      throw upstreamError('upstream/busy', this.#entry, 'it does not read what it is sent');
    }
    // Between tokens a client may have sent newlines (inside of strings they are escaped); here they would end the message.
    const line = /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, ' ') : text;
    this.#child.write(`${line}\n`);
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
