import process from 'node:process';

/** How long after an orderly end something may still keep the process alive. */
const LINGER_MS = 2_000;

/** Ctrl-C reaches us from the terminal and once more from whoever started us: signals this close are one wish. */
const ECHO_MS = 500;

/**
 * SIGTERM and SIGINT end the process in order, once: `stop`, then exit code 0 (1 when it fails or answers false). A second
 * signal while that runs ends it at once.
 */
export function shutDownOnSignals(
  stop: (signal: string) => Promise<boolean>,
  onFailure: (error: unknown) => void,
): void {
  let stoppingSince: number | undefined;
  const act = (signal: NodeJS.Signals): void => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > ECHO_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    stop(signal)
      .catch((error: unknown) => {
        onFailure(error);
        return false;
      })
      .then((orderly) => leave(orderly ? 0 : 1), onFailure);
  };
  process.on('SIGTERM', act);
  process.on('SIGINT', act);
}

/** Leaves when nothing is left to do, and soon in any case. */
export function leave(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(code), LINGER_MS).unref();
  if (process.connected) process.disconnect();
  // Listeners for signals keep nothing alive; open handles would, and they are a defect that the tests look for.
}
