import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import type { RegistrySnapshot, RejectedEntry } from '../../core/model/registry-snapshot.js';
import type { DeclaredSource } from '../../platform/config/declared-source.js';
import { formatProblem } from '../../platform/config/format-problems.js';
import type { Problem } from '../../platform/config/problem.js';
import { DECLARED_SOURCE } from '../../platform/config/tokens.js';
import { type FileWatch, watchConfigFile } from '../../platform/config/watch-config-file.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { compileSnapshot } from './compile-snapshot.js';
import { diffSnapshots, type RegistryDiff } from './diff-snapshots.js';

export interface RegistryChange {
  readonly previous: RegistrySnapshot;
  readonly next: RegistrySnapshot;
  readonly diff: RegistryDiff;
}

export type RegistryListener = (change: RegistryChange) => void;

/** For readiness and metrics. Holds no secrets. */
export interface RegistryStatus {
  /** Of the snapshot being served. */
  readonly version: number;
  /** What is served is what the file says now. */
  readonly inSync: boolean;
  /** Why not: the first errors of the last attempt. */
  readonly lastError?: string;
  readonly rejected: readonly RejectedEntry[];
}

/** Errors repeated in the status; the log has them all. */
const STATUS_ERRORS_MAX = 5;

/**
 * Keeps the one snapshot everybody reads. A valid change of the file is live within a second; an invalid one changes
 * nothing and is reported (contract §2).
 */
@Injectable()
export class RegistryService implements OnModuleInit, OnApplicationShutdown {
  readonly #listeners = new Set<RegistryListener>();
  #current: RegistrySnapshot;
  #lastError: string | undefined;
  #watch: FileWatch | undefined;
  #reported: ReadonlySet<string> = new Set();

  constructor(
    @Inject(DECLARED_SOURCE) private readonly source: DeclaredSource,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(WORKER) private readonly worker: Worker,
  ) {
    this.#current = compileSnapshot(source.initial.declared, 1);
  }

  /** The snapshot of this moment: immutable, to be taken once per request. */
  get current(): RegistrySnapshot {
    return this.#current;
  }

  /** The listener hears of every swap, after it happened, in the order of subscription. The answer ends it. */
  subscribe(listener: RegistryListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  status(): RegistryStatus {
    return {
      version: this.#current.version,
      inSync: this.#lastError === undefined,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      rejected: this.#current.rejected,
    };
  }

  onModuleInit(): void {
    this.#report(this.source.initial.problems);
    this.#watch = watchConfigFile(this.source.path, () => this.reload());
    // The file may have changed between its reading and now.
    this.reload();
  }

  onApplicationShutdown(): void {
    this.#watch?.close();
    this.#listeners.clear();
  }

  /** Reads the source and swaps the snapshot if it says something new. Never throws; a failure keeps the last good state. */
  reload(): void {
    const outcome = this.source.read();
    if (!outcome.ok) {
      this.#refuse(outcome.problems);
      return;
    }
    this.#report(outcome.problems);
    const previous = this.#current;
    const next = compileSnapshot(outcome.declared, previous.version + 1, previous);
    const recovered = this.#lastError !== undefined;
    this.#lastError = undefined;
    if (isSame(previous, next)) {
      if (recovered) this.logger.info({ version: previous.version }, 'configuration valid again');
      return;
    }
    this.#current = next;
    const diff = diffSnapshots(previous, next);
    const names = (entries: readonly { readonly name: string }[]): readonly string[] => entries.map(({ name }) => name);
    this.logger.info(
      { version: next.version, added: names(diff.added), changed: names(diff.changed), removed: names(diff.removed) },
      'configuration reloaded',
    );
    for (const listener of [...this.#listeners]) {
      try {
        listener({ previous, next, diff });
      } catch (error) {
        this.logger.error({ err: error }, 'a listener of the registry failed');
      }
    }
  }

  #refuse(problems: readonly Problem[]): void {
    const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem);
    const more = errors.length > STATUS_ERRORS_MAX ? [`and ${errors.length - STATUS_ERRORS_MAX} more`] : [];
    const summary = [...errors.slice(0, STATUS_ERRORS_MAX), ...more].join('; ');
    if (summary === this.#lastError) return;
    this.#lastError = summary;
    this.logger.error(
      { problems: errors, version: this.#current.version },
      'configuration invalid, the last good one stays',
    );
  }

  /** Says what it has not said of the file as it was before. Every worker reads the same file; one of them speaks. */
  #report(problems: readonly Problem[]): void {
    if (this.worker.index !== 0) return;
    const known = this.#reported;
    this.#reported = new Set(problems.map(formatProblem));
    for (const problem of problems) {
      const line = formatProblem(problem);
      if (known.has(line)) continue;
      if (problem.severity === 'note') this.logger.info(line);
      else this.logger.warn(line);
    }
  }
}

function isSame(previous: RegistrySnapshot, next: RegistrySnapshot): boolean {
  return (
    previous.prefixMode === next.prefixMode &&
    previous.servers.length === next.servers.length &&
    previous.servers.every((entry, index) => entry === next.servers[index]) &&
    JSON.stringify(previous.rejected) === JSON.stringify(next.rejected)
  );
}
