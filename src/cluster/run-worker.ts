import type { WorkerMessage } from './worker-message.js';

/** The channel to the primary; only worker processes have one. */
export function tellPrimary(message: WorkerMessage): void {
  process.send?.(message);
}

/**
 * In a worker: ends in order when the primary says so (SIGTERM) or is gone. A Ctrl-C at the terminal reaches every process
 * of the group; the primary is the one to act on it.
 */
export function obeyPrimary(stop: () => Promise<void>, onFailure: (error: unknown) => void): void {
  let stopping: Promise<void> | undefined;
  const act = (): void => {
    stopping ??= stop().then(
      () => process.exit(0),
      (error: unknown) => {
        onFailure(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', act);
  process.on('SIGINT', () => undefined);
  process.on('disconnect', act);
}
