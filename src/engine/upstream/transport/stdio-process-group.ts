import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
/** After SIGKILL only the kernel is left to wait for. */
const KILLED_GRACE_MS = 1_000;

/** Groups with members that we know of; ended at exit at the latest. Bounded by the number of children. */
const living = new Set<ProcessGroup>();
let reaperInstalled = false;

/** Last resort when the gateway exits by itself or by an uncaught exception: nothing can be awaited any more. */
function installReaper(): void {
  if (reaperInstalled) return;
  reaperInstalled = true;
  process.on('exit', () => {
    for (const group of living) group.signal('SIGKILL');
  });
}

/**
 * A child that leads a process group of its own, with whatever it forked. (Not those that left the group with setsid.)
 * Should the gateway be killed with SIGKILL, nobody signals the group; its members see the end of their input.
 */
export class ProcessGroup {
  readonly #pid: number;

  /** `pid` of the leader, started with `detached: true`. */
  constructor(pid: number) {
    this.#pid = pid;
    installReaper();
    living.add(this);
  }

  /** Whether somebody is left. Not-yet-reaped dead members count as well. */
  get alive(): boolean {
    return this.signal(0);
  }

  /** Answers whether there was anybody to take the signal. */
  signal(signal: NodeJS.Signals | 0): boolean {
    if (!living.has(this)) return false;
    try {
      // Windows has no groups; there it is the leader alone.
      process.kill(process.platform === 'win32' ? this.#pid : -this.#pid, signal);
      return true;
    } catch {
      // Gone (ESRCH), or all that is left belongs to somebody else (EPERM): nothing of ours to end.
      living.delete(this);
      return false;
    }
  }

  /** Resolves when nobody is left or after `graceMs`; answers whether the group is gone. */
  async gone(graceMs: number): Promise<boolean> {
    const until = performance.now() + graceMs;
    while (this.alive) {
      if (performance.now() >= until) return false;
      await delay(POLL_MS);
    }
    return true;
  }

  /** SIGTERM, a grace, SIGKILL. */
  async end(graceMs: number): Promise<void> {
    if (!this.signal('SIGTERM') || (await this.gone(graceMs))) return;
    this.signal('SIGKILL');
    await this.gone(KILLED_GRACE_MS);
    living.delete(this);
  }
}
