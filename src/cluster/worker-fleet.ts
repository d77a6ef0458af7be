import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { once } from 'node:events';
import type { Logger } from 'pino';
import { isWorkerMessage, type WorkerMessage } from './worker-message.js';

const BACK_OFF_MIN_MS = 250;
const BACK_OFF_MAX_MS = 30_000;
/** A worker that lived this long was not failing at its start. */
const SETTLED_MS = 60_000;
/** On top of the grace for running calls: time for what comes after them. */
const STOP_MARGIN_MS = 10_000;

export interface FleetOptions {
  readonly count: number;
  /** Environment added for the worker of this index. */
  readonly environment: (index: number) => Record<string, string>;
  readonly shutdownGraceMs: number;
  readonly logger: Logger;
  readonly onMessage: (message: WorkerMessage, index: number) => void;
}

/**
 * The worker processes of one gateway: started, started again with growing pauses when they die, stopped together. Owns
 * its children and timers.
 */
export class WorkerFleet {
  readonly #options: FleetOptions;
  readonly #workers = new Map<number, ClusterWorker>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #failures: number[];
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#failures = Array.from({ length: options.count }, () => 0);
  }

  start(): void {
    for (let index = 0; index < this.#options.count; index += 1) this.#fork(index);
  }

  /** Asks all workers to drain and waits; kills those that take too long. Answers whether all went by themselves. */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    let orderly = true;
    const stopOne = async (worker: ClusterWorker): Promise<void> => {
      if (worker.isDead()) return;
      const gone = once(worker, 'exit');
      worker.process.kill('SIGTERM');
      const killer = setTimeout(() => {
        orderly = false;
        worker.process.kill('SIGKILL');
      }, this.#options.shutdownGraceMs + STOP_MARGIN_MS);
      await gone;
      clearTimeout(killer);
    };
    await Promise.all([...this.#workers.values()].map(stopOne));
    return orderly;
  }

  #fork(index: number): void {
    const startedAt = performance.now();
    const worker = cluster.fork(this.#options.environment(index));
    this.#workers.set(index, worker);
    this.#options.logger.debug({ worker: index, workerPid: worker.process.pid }, 'a worker process was started');
    worker.on('message', (message: unknown) => {
      if (isWorkerMessage(message)) this.#options.onMessage(message, index);
    });
    // A failed fork or a broken channel is followed by `exit`, which acts on it.
    worker.on('error', (error) => this.#options.logger.error({ err: error, worker: index }, 'a worker process failed'));
    worker.once('exit', (code: number | null, signal: string | null) => {
      this.#workers.delete(index);
      if (this.#stopping) return;
      const failures = performance.now() - startedAt > SETTLED_MS ? 1 : (this.#failures[index] ?? 0) + 1;
      this.#failures[index] = failures;
      const pauseMs = Math.min(BACK_OFF_MIN_MS * 2 ** (failures - 1), BACK_OFF_MAX_MS);
      this.#options.logger.error(
        { worker: index, code, signal, pauseMs },
        'a worker process died and is started again',
      );
      const timer = setTimeout(() => {
        this.#restarts.delete(timer);
        this.#fork(index);
      }, pauseMs);
      this.#restarts.add(timer);
    });
  }
}
