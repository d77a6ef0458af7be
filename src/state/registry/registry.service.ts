import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import type { RegistrySnapshot, RejectedEntry } from '../../core/model/registry-snapshot.js';
import type { DeclaredRegistry } from '../../core/definition/declared-server.js';
import type { ServerDefinition } from '../../core/definition/server.definition.js';
import { stdioRefusal } from '../../core/definition/stdio-admission.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { DeclaredSource } from '../../platform/config/declared-source.js';
import { formatProblem } from '../../platform/config/format-problems.js';
import type { Problem } from '../../platform/config/problem.js';
import type { RegistrySettings, StdioSettings } from '../../platform/config/settings.js';
import { DECLARED_SOURCE, REGISTRY_SETTINGS, STDIO_SETTINGS } from '../../platform/config/tokens.js';
import { type FileWatch, watchConfigFile } from '../../platform/config/watch-config-file.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { compileSnapshot } from './compile-snapshot.js';
import { diffSnapshots, type RegistryDiff } from './diff-snapshots.js';
import { RegistrySource } from './registry.source.js';
import { NOTHING_STORED, type StoredRegistry } from './stored-registry.js';

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
  /** What is served is what file and database say now. */
  readonly inSync: boolean;
  /** Why not: the first errors of the last attempt. */
  readonly lastError?: string;
  readonly rejected: readonly RejectedEntry[];
}

/** Errors repeated in the status; the log has them all. */
const STATUS_ERRORS_MAX = 5;

/**
 * Keeps the one snapshot everybody reads, compiled from the file and the database. A valid change of the file is live
 * within a second; an invalid one changes nothing and is reported (contract §2). A committed change of any replica is live
 * when the change feed has told of it.
 */
@Injectable()
export class RegistryService implements OnModuleInit, OnApplicationShutdown {
  readonly #listeners = new Set<RegistryListener>();
  #current: RegistrySnapshot;
  #declared: DeclaredRegistry;
  #stored: StoredRegistry = NOTHING_STORED;
  #fileError: string | undefined;
  #databaseError: string | undefined;
  #watch: FileWatch | undefined;
  #unsubscribe: (() => void) | undefined;
  #loading: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #reported: ReadonlySet<string> = new Set();

  constructor(
    @Inject(DECLARED_SOURCE) private readonly source: DeclaredSource,
    @Inject(RegistrySource) private readonly rows: Pick<RegistrySource, 'load' | 'onChange'>,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
    @Inject(STDIO_SETTINGS) private readonly stdio: StdioSettings,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(WORKER) private readonly worker: Worker,
  ) {
    this.#declared = source.initial.declared;
    this.#current = this.#compile(1);
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

  /** The definition behind an entry that is being served. Holds secrets. */
  definitionOf({ id, name, origin }: ServerEntry): ServerDefinition | undefined {
    if (origin === 'file') return this.#declared.servers.find((server) => server.name === name)?.definition;
    const stored = this.#stored.servers.find((server) => server.id === id);
    return stored !== undefined && 'declared' in stored ? stored.declared.definition : undefined;
  }

  status(): RegistryStatus {
    const errors = [this.#fileError, this.#databaseError].filter((error) => error !== undefined);
    return {
      version: this.#current.version,
      inSync: errors.length === 0,
      ...(errors.length === 0 ? {} : { lastError: errors.join('; ') }),
      rejected: this.#current.rejected,
    };
  }

  /** The change feed has its mark by now: what is committed from here on is told. */
  async onModuleInit(): Promise<void> {
    this.#report(this.source.initial.problems);
    this.#unsubscribe = this.rows.onChange(() => this.refresh());
    await this.refresh();
    this.#watch = watchConfigFile(this.source.path, () => this.reload());
    // The file may have changed between its reading and now.
    this.reload();
  }

  onApplicationShutdown(): void {
    this.#watch?.close();
    this.#unsubscribe?.();
    this.#listeners.clear();
  }

  /** Reads the file and swaps the snapshot if it says something new. Never throws; a failure keeps the last good state. */
  reload(): void {
    const outcome = this.source.read();
    if (!outcome.ok) {
      this.#refuse(outcome.problems);
      return;
    }
    this.#report(outcome.problems);
    const recovered = this.#fileError !== undefined;
    this.#fileError = undefined;
    this.#declared = outcome.declared;
    if (!this.#swap('configuration reloaded') && recovered) {
      this.logger.info({ version: this.#current.version }, 'configuration valid again');
    }
  }

  /**
   * Reads the database and swaps the snapshot if it says something new. One runs, one waits; whoever asks gets a run that
   * began after they asked. Rejects when the database cannot be read; the last good state stays.
   */
  refresh(): Promise<void> {
    const before = this.#loading;
    this.#queued ??= (async () => {
      await before?.catch(() => undefined);
      this.#queued = undefined;
      this.#loading = this.#loadStored();
      await this.#loading;
    })();
    return this.#queued;
  }

  async #loadStored(): Promise<void> {
    try {
      this.#stored = await this.rows.load(this.#declared.separator);
    } catch (error) {
      this.#databaseError = 'the stored servers could not be read; what was read last is served';
      throw error;
    }
    this.#databaseError = undefined;
    const known = new Set(this.#current.rejected.map(describeRejected));
    this.#swap('registry reloaded');
    for (const entry of this.#current.rejected) {
      if (entry.origin === 'file' || this.worker.index !== 0 || known.has(describeRejected(entry))) continue;
      this.logger.warn(
        { server: entry.name, serverId: entry.id, reason: entry.reason },
        'a stored server is set aside',
      );
    }
  }

  #compile(version: number, previous?: RegistrySnapshot): RegistrySnapshot {
    return compileSnapshot(this.#declared, version, previous, {
      stored: this.#stored,
      accessRules: this.settings.accessRules,
      identityHeader: this.settings.identityHeader,
      refusal: (entry) => stdioRefusal(entry, this.stdio),
    });
  }

  /** Whether there was anything new. */
  #swap(what: string): boolean {
    const previous = this.#current;
    const next = this.#compile(previous.version + 1, previous);
    const diff = diffSnapshots(previous, next);
    if (isSame(previous, next, diff)) return false;
    this.#current = next;
    const names = (entries: readonly { readonly name: string }[]): readonly string[] => entries.map(({ name }) => name);
    this.logger.info(
      { version: next.version, added: names(diff.added), changed: names(diff.changed), removed: names(diff.removed) },
      what,
    );
    for (const listener of [...this.#listeners]) {
      try {
        listener({ previous, next, diff });
      } catch (error) {
        this.logger.error({ err: error }, 'a listener of the registry failed');
      }
    }
    return true;
  }

  #refuse(problems: readonly Problem[]): void {
    const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem);
    const more = errors.length > STATUS_ERRORS_MAX ? [`and ${errors.length - STATUS_ERRORS_MAX} more`] : [];
    const summary = [...errors.slice(0, STATUS_ERRORS_MAX), ...more].join('; ');
    if (summary === this.#fileError) return;
    this.#fileError = summary;
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

function isSame(previous: RegistrySnapshot, next: RegistrySnapshot, diff: RegistryDiff): boolean {
  return (
    previous.prefixMode === next.prefixMode &&
    previous.servers.length === next.servers.length &&
    previous.servers.every((entry, index) => entry === next.servers[index]) &&
    !diff.accessChanged &&
    JSON.stringify(previous.rejected) === JSON.stringify(next.rejected)
  );
}

function describeRejected({ id, name, reason }: RejectedEntry): string {
  return JSON.stringify([id, name, reason]);
}
