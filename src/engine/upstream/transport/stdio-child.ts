import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ProcessGroup } from './stdio-process-group.js';

/** How long a child may take to leave after its input ended, and after SIGTERM (stdio transport, "Shutdown"). */
const LEAVE_GRACE_MS = 2_000;
/** How long output that was written before the exit may take to arrive; a grandchild may hold the pipe open for ever. */
const DRAIN_GRACE_MS = 250;

export interface StdioChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
}

export interface StdioChildListener {
  readonly onOutput: (chunk: Buffer) => void;
  readonly onErrorOutput: (chunk: Buffer) => void;
  /** Nothing comes on the error output any more, however it ended. */
  readonly onErrorOutputEnd: () => void;
  /** Called once when nothing can be exchanged any more; not after {@link StdioChild.close}. */
  readonly onExit: (reason: string) => void;
}

/**
 * A child process with pipes, leader of its own process group. However it ends, what is left of its group is ended too:
 * SIGTERM, then SIGKILL.
 */
export class StdioChild {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #group: ProcessGroup;
  readonly #exited: Promise<void>;
  #listener: StdioChildListener | undefined;
  #over = false;
  #exitReason = '';
  #ending: Promise<void> | undefined;

  /** Resolves once the process runs; rejects with what the system said (`ENOENT`, `EACCES`…). */
  static async start(options: StdioChildOptions): Promise<StdioChild> {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      shell: false,
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    await once(child, 'spawn');
    return new StdioChild(child);
  }

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    if (child.pid === undefined) throw new Error('a process that was started has a pid');
    this.#child = child;
    this.#group = new ProcessGroup(child.pid);
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
    // A broken pipe is followed by the exit, which says more.
    for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter.on('error', () => undefined);
    // The last words may still be on their way when the process has left; and the other way round.
    const soonOver = (): void => void setTimeout(() => this.#left(), DRAIN_GRACE_MS).unref();
    child.once('exit', (code, signal) => {
      this.#exitReason = signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`;
      soonOver();
    });
    child.stdin.once('error', () => {
      if (this.#exitReason === '') this.#exitReason = 'it closed its input';
      soonOver();
    });
    child.stdout.once('close', () => {
      if (this.#exitReason === '') this.#exitReason = 'it closed its output';
      soonOver();
    });
    child.once('close', () => this.#left());
  }

  /** To be called at once and once: what the child says flows from now on. */
  listen(listener: StdioChildListener): void {
    this.#listener = listener;
    this.#child.stdout.on('data', (chunk: Buffer) => {
      if (!this.#over) listener.onOutput(chunk);
    });
    this.#child.stderr.on('data', listener.onErrorOutput);
    this.#child.stderr.once('close', listener.onErrorOutputEnd);
  }

  /** Bytes written that the child has not read yet. */
  get unreadBytes(): number {
    return this.#child.stdin.writableLength;
  }

  write(line: string): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(line);
  }

  /** End of input, a grace, SIGTERM to the group, a grace, SIGKILL. Idempotent; resolves when nobody is left. */
  close(): Promise<void> {
    this.#over = true;
    this.#ending ??= this.#end();
    return this.#ending;
  }

  #left(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener?.onExit(this.#exitReason);
    void this.close();
  }

  async #end(): Promise<void> {
    this.#child.stdin.end();
    const grace = new AbortController();
    await Promise.race([
      this.#exited,
      delay(LEAVE_GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined), // Aborted: it left in time.
    ]);
    grace.abort();
    await this.#group.end(LEAVE_GRACE_MS);
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }
}
