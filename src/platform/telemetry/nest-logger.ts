import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/** Rooms of the framework itself: what they find worth an info line is debug to whoever runs a gateway. */
const FRAMEWORK: ReadonlySet<string> = new Set([
  'NestFactory',
  'NestApplication',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
]);

/** Nest's log lines, and those written through Nest's `Logger`, through ours. The last string Nest passes is the context. */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    const level = typeof context === 'string' && FRAMEWORK.has(context) ? 'debug' : 'info';
    this.#logger[level](fields(rest), text(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#logger.debug(fields(rest), text(message));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#logger.trace(fields(rest), text(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#logger.warn(fields(rest), text(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (message instanceof Error) this.#logger.error({ ...fields(rest), err: message }, message.message);
    else this.#logger.error(fields(rest), text(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#logger.fatal(fields(rest), text(message));
  }
}

function text(message: unknown): string {
  return typeof message === 'string' ? message : message instanceof Error ? message.message : JSON.stringify(message);
}

function fields(rest: readonly unknown[]): Record<string, unknown> {
  const context = rest.at(-1);
  const stack = rest.length > 1 ? rest[0] : undefined;
  return {
    room: typeof context === 'string' ? context.toLowerCase() : 'nest',
    ...(typeof stack === 'string' ? { stack } : stack instanceof Error ? { err: stack } : {}),
  };
}
