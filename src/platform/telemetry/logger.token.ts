/** Injection token of the process logger: `@Inject(LOGGER) logger: Logger` with `Logger` from pino. */
export const LOGGER = Symbol('Logger');
