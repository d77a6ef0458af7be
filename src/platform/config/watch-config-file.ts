import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

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

const ABSENT = 'absent';

/**
 * Calls `onChange` after a file became different from what it was at the time of this call: written, replaced by rename,
 * its symlink (or a link on the way) turned to another, removed, or there again. By polling, as file events do not cross
 * bind mounts and get lost when links turn (mounted ConfigMaps). Does not keep the process alive. Whoever opens it closes
 * it.
 */
export function watchConfigFile(path: string, onChange: () => void, options: WatchOptions = {}): FileWatch {
  const settleMs = options.settleMs ?? 150;
  // Taken at once: a change between the caller's reading and the first look of a timer would be missed for ever.
  let seen = signatureNow(path);
  let settling: NodeJS.Timeout | undefined;
  let looking = false;
  let closed = false;

  const look = async (): Promise<void> => {
    // A slow network drive must not pile up looks.
    if (looking) return;
    looking = true;
    const signature = await signatureOf(path);
    looking = false;
    if (closed || signature === seen) return;
    seen = signature;
    clearTimeout(settling);
    settling = setTimeout(onChange, settleMs).unref();
  };
  const timer = setInterval(() => void look(), options.intervalMs ?? 250).unref();
  return {
    close: () => {
      closed = true;
      clearInterval(timer);
      clearTimeout(settling);
    },
  };
}

interface Signed {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** Reading a file moves its access time, which is therefore left out. */
function sign({ dev, ino, size, mtimeNs, ctimeNs }: Signed): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

function signatureNow(path: string): string {
  try {
    return sign(statSync(path, { bigint: true }));
  } catch {
    // Not there, or not to be seen: a state like any other, and the reader will say which.
    return ABSENT;
  }
}

async function signatureOf(path: string): Promise<string> {
  try {
    return sign(await stat(path, { bigint: true }));
  } catch {
    // As above.
    return ABSENT;
  }
}
