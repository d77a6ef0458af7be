import { type Stats, unwatchFile, watchFile } from 'node:fs';

export interface WatchOptions {
  /** How often the file is looked at. Default 250 ms. */
  readonly intervalMs?: number;
  /** How long it must stay as it is before it is read: a file is not written in one stroke. Default 150 ms. */
  readonly settleMs?: number;
}

export interface FileWatch {
  /** Idempotent; no call of the listener after it. */
  close(): void;
}

/**
 * Calls `onChange` after a file became different: written, replaced by rename, its symlink (or a link on the way) turned
 * to another, removed, or there again. By polling, as file events do not cross bind mounts and get lost when links turn
 * (mounted ConfigMaps). Does not keep the process alive. Whoever opens it closes it.
 */
export function watchConfigFile(path: string, onChange: () => void, options: WatchOptions = {}): FileWatch {
  const settleMs = options.settleMs ?? 150;
  let timer: NodeJS.Timeout | undefined;
  const listener = (now: Stats, before: Stats): void => {
    if (sameFile(now, before)) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, settleMs).unref();
  };
  watchFile(path, { interval: options.intervalMs ?? 250, persistent: false }, listener);
  return {
    close: () => {
      clearTimeout(timer);
      unwatchFile(path, listener);
    },
  };
}

/** Reading a file moves its access time, which is no change. */
function sameFile(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}
