import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/**
 * Nest's own log lines through ours. What the framework finds worth an info line (modules initialised, routes mapped) is
 * debug to whoever runs a gateway. The last string Nest passes is the context.
 */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger.child({ room: 'nest' });
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#logger.debug(fields(rest), text(message));
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
    if (message instanceof Error) this.#logger.error({ err: message }, message.message);
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
    ...(typeof context === 'string' ? { context } : {}),
    ...(typeof stack === 'string' ? { stack } : stack instanceof Error ? { err: stack } : {}),
  };
}
