import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { Limits } from '../../core/model/limits.js';
import { declares, neededCapability, type InputRequest } from '../../core/protocol/modern/input-required.js';
import {
  errorReply,
  type ClientInteraction,
  type ClientReply,
  type ServerRequest,
} from '../../engine/upstream/client-interaction.js';
import { CallControl } from '../../engine/upstream/upstream.js';
import { LIMITS } from '../../platform/config/tokens.js';

/** Tasks whose questions are waited for, in this process and of one principal. */
const WATCHES_MAX = 5_000;
const WATCHES_PER_PRINCIPAL_MAX = 50;
/** Questions of one task that may be open at once. */
const QUESTIONS_MAX = 32;

interface Question extends InputRequest {
  readonly answer: (reply: ClientReply) => void;
}

/**
 * A task of a legacy server that was begun for a modern client, while it wants to know something: servers of 2025-11-25
 * ask on the stream of `tasks/result`, clients of the extension look with `tasks/get` and answer with `tasks/update`.
 */
export class TaskWatch implements ClientInteraction {
  readonly control = new CallControl();
  readonly #questions = new Map<string, Question>();
  readonly #waiting = new Set<() => void>();
  #hasCall = false;

  constructor(
    readonly key: string,
    readonly capabilities: ClientCapabilities,
    private readonly nextKey: () => string,
  ) {}

  /** Every open question. */
  get questions(): readonly InputRequest[] {
    return [...this.#questions.values()];
  }

  /** Runs `call`, on whose stream the server asks, unless it runs already. `call` is told when nobody looks any more. */
  listen(call: () => Promise<unknown>): void {
    if (this.#hasCall) return;
    this.#hasCall = true;
    call()
      .catch(() => undefined) // What is wrong with the task is said by the next look at it.
      .finally(() => {
        this.#hasCall = false;
        this.#wake();
      });
  }

  /** Resolves when there is a question, when the call is over, or after this long. */
  asked(spanMs: number): Promise<void> {
    if (this.#questions.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, spanMs).unref();
      this.#waiting.add(settle);
    });
  }

  ask({ method, params }: ServerRequest, control: CallControl): Promise<ClientReply> {
    const needed = neededCapability(method, params === undefined ? undefined : JSON.parse(params));
    if (needed === undefined || !declares(this.capabilities.value, needed)) {
      return Promise.resolve(errorReply(-32_601, `The client does not support ${method}`));
    }
    if (this.control.reason !== undefined || this.#questions.size >= QUESTIONS_MAX) {
      return Promise.resolve(errorReply(-32_603, 'The client cannot be asked about this task'));
    }
    return new Promise((resolve) => {
      const key = this.nextKey();
      this.#questions.set(key, { key, method, params, answer: resolve });
      control.onEnd(() => {
        if (this.#questions.delete(key)) resolve(errorReply(-32_800, 'The request was withdrawn'));
      });
      this.#wake();
    });
  }

  /** What the client says to one question; what was not asked, or was answered, is passed over. */
  answer(key: string, text: string): void {
    const question = this.#questions.get(key);
    this.#questions.delete(key);
    question?.answer({ kind: 'result', text });
  }

  end(): void {
    for (const { answer } of this.#questions.values()) answer(errorReply(-32_800, 'Nobody answers any more'));
    this.#questions.clear();
    this.control.abandon();
    this.#wake();
  }

  #wake(): void {
    for (const settle of this.#waiting) settle();
  }
}

interface Kept {
  readonly watch: TaskWatch;
  readonly principalId: string;
  readonly timer: NodeJS.Timeout;
}

/**
 * The watches of this process: one for each task that asks, bounded in number, for each principal and in time: one that
 * nobody looks at for `limits.clientAnswerTimeoutMs` ends, and its questions are answered with an error.
 */
@Injectable()
export class TaskWatches implements BeforeApplicationShutdown {
  readonly #watches = new Map<string, Kept>();
  readonly #counts = new Map<string, number>();
  /** Keys must be unique over the life of a task, which may be longer than that of a process. */
  readonly #tag = randomBytes(6).toString('base64url');
  #asked = 0;

  constructor(@Inject(LIMITS) private readonly limits: Limits) {}

  beforeApplicationShutdown(): void {
    for (const key of [...this.#watches.keys()]) this.#end(key);
  }

  /** The watch over a task, if there is one; a look at it. */
  find(principalId: string, serverId: string, taskId: string): TaskWatch | undefined {
    const kept = this.#watches.get(keyOf(principalId, serverId, taskId));
    kept?.timer.refresh();
    return kept?.watch;
  }

  /** The watch over a task, opened where there is none; undefined when there are too many. */
  open(principalId: string, serverId: string, taskId: string, capabilities: ClientCapabilities): TaskWatch | undefined {
    const known = this.find(principalId, serverId, taskId);
    if (known !== undefined) return known;
    const count = this.#counts.get(principalId) ?? 0;
    if (this.#watches.size >= WATCHES_MAX || count >= WATCHES_PER_PRINCIPAL_MAX) return undefined;
    const key = keyOf(principalId, serverId, taskId);
    const watch = new TaskWatch(`task:${key}`, capabilities, () => `input-${this.#tag}-${(this.#asked += 1)}`);
    const timer = setTimeout(() => this.#end(key), this.limits.clientAnswerTimeoutMs).unref();
    this.#watches.set(key, { watch, principalId, timer });
    this.#counts.set(principalId, count + 1);
    return watch;
  }

  /** The task is over, or nobody wants it any more. */
  close(principalId: string, serverId: string, taskId: string): void {
    this.#end(keyOf(principalId, serverId, taskId));
  }

  #end(key: string): void {
    const kept = this.#watches.get(key);
    if (kept === undefined) return;
    this.#watches.delete(key);
    clearTimeout(kept.timer);
    const count = (this.#counts.get(kept.principalId) ?? 1) - 1;
    if (count <= 0) this.#counts.delete(kept.principalId);
    else this.#counts.set(kept.principalId, count);
    kept.watch.end();
  }
}

function keyOf(principalId: string, serverId: string, taskId: string): string {
  return JSON.stringify([principalId, serverId, taskId]);
}
