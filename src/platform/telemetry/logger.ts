import { destination, pino, type DestinationStream, type Logger } from 'pino';
import type { LogSettings } from '../config/settings.js';
import { describeError } from './describe-error.js';
import { prettyStream } from './pretty-stream.js';
import { redactLine } from './redact-line.js';

/**
 * The process logger. Lines go to stderr, so that stdout stays with what the command itself has to say. Writing is
 * synchronous: nothing is lost at exit, and nothing is logged on the path of a call that succeeds. Every line passes
 * {@link redactLine}. Rooms take a child with their name: `logger.child({ room: 'registry' })`.
 */
export function createLogger(settings: LogSettings, sink?: DestinationStream): Logger {
  return pino(
    {
      level: settings.level,
      base: null,
      errorKey: 'err',
      serializers: { err: describeError, error: describeError, cause: describeError },
      hooks: { streamWrite: redactLine },
    },
    sink ??
      (settings.format === 'pretty'
        ? prettyStream(process.stderr, process.stderr.isTTY)
        : destination({ fd: process.stderr.fd, sync: true })),
  );
}
