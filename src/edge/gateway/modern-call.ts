import { randomUUID } from 'node:crypto';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ServerView } from '../../core/model/access-view.js';
import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { LogLevel } from '../../core/protocol/log-level.js';
import { declares, neededCapability, type InputRequest } from '../../core/protocol/modern/input-required.js';
import { errorCode, MISSING_CAPABILITY, requiredUrlElicitations } from '../../core/protocol/modern/modern-error.js';
import { readResultFacts } from '../../core/protocol/modern/modern-result.js';
import { MULTI_ROUND, type ModernMethod } from '../../core/protocol/modern/modern-methods.js';
import type { HeaderFields } from '../../core/protocol/modern/request-headers.js';
import { withProgressToken } from '../../core/protocol/request-params.js';
import { errorText, readRpcMessage, resultText } from '../../core/protocol/rpc-message.js';
import {
  errorReply,
  type ClientInteraction,
  type ClientReply,
  type ServerRequest,
} from '../../engine/upstream/client-interaction.js';
import { CallControl, type ModernCaller, type ResolvedCredential } from '../../engine/upstream/upstream.js';
import type { Answer } from './call.js';
import type { Rendering, Served } from './dispatcher.js';
import type { Exchange } from './exchange.js';
import type { ModernFacts, ModernTaskMeans } from './modern-facts.js';
import type { ModernOwner } from './modern-owners.js';
import { inputRequiredReply, modernErrorReply, modernResultReply, passedInputReply } from './modern-reply.js';

/** Questions asked at the same moment make one round. */
const GATHER_MS = 10;
/** Questions one call may ask in all. */
const QUESTIONS_MAX = 100;

/** One exchange with the client in the life of a call. */
export interface Round {
  readonly idText: string;
  readonly exchange: Exchange;
  /** Raw; undefined: this round wants no progress. */
  readonly progressToken: string | undefined;
}

/** What a round comes to. */
export type RoundEnd =
  | { readonly kind: 'served'; readonly served: Served }
  /** The upstream wants to know something of the client. */
  | { readonly kind: 'input'; readonly requests: readonly InputRequest[] };

export interface ModernCallOptions {
  readonly method: ModernMethod;
  readonly headers: HeaderFields;
  readonly logLevel: LogLevel | undefined;
  readonly capabilities: ClientCapabilities;
  readonly owner: ModernOwner;
  readonly clientInfoText: string | undefined;
  readonly passedHeaders: Readonly<Record<string, string>> | undefined;
  readonly roundMembers: ReadonlyMap<string, string>;
  readonly tasks: ModernTaskMeans | undefined;
  /**
   * Writes the `requestState` of a request that is to be made again: once pages were visited, or with what an upstream of
   * the same era wants back.
   */
  readonly stateForAnother: (upstreamState: string | undefined) => string;
}

interface Question extends InputRequest {
  readonly answer: (reply: ClientReply) => void;
}

/**
 * One call of a modern client, over all its rounds: what the upstream asks in the middle of it ends the round, and the
 * call waits until the client comes back with the answers (2026-07-28, "Multi Round-Trip Requests").
 */
export class ModernCall implements ClientInteraction, ModernFacts, Rendering {
  readonly id = randomUUID();
  readonly key: string;
  readonly headers: HeaderFields;
  readonly logLevel: LogLevel | undefined;
  readonly capabilities: ClientCapabilities;
  readonly control = new CallControl();
  readonly caller: ModernCaller;
  readonly roundMembers: ReadonlyMap<string, string>;
  readonly tasks: ModernTaskMeans | undefined;
  /** Status of the answer, where an upstream's error has one. */
  status: number | undefined;
  /** Which server it went to, and for what in that server's words. */
  target: { readonly server: ServerView; readonly name: string } | undefined;
  #round: Round | undefined;
  #firstToken: string | undefined;
  #questions = new Map<string, Question>();
  #asked = 0;
  #gathering: NodeJS.Timeout | undefined;
  /** The upstream asked for what the client had not declared. */
  #lacking: GatewayError | undefined;
  #end: PromiseWithResolvers<RoundEnd> | undefined;
  #served: Served | undefined;
  #writer: (idText: string) => string = (idText) => modernErrorReply(idText, new GatewayError('internal/bug'));

  constructor(private readonly options: ModernCallOptions) {
    this.key = `call:${this.id}`;
    this.headers = options.headers;
    this.logLevel = options.logLevel;
    this.capabilities = options.capabilities;
    this.caller = {
      clientInfoText: options.clientInfoText,
      logLevel: options.logLevel,
      headers: options.passedHeaders,
    };
    this.roundMembers = options.roundMembers;
    this.tasks = options.tasks;
  }

  get owner(): ModernOwner {
    return this.options.owner;
  }

  get method(): ModernMethod {
    return this.options.method;
  }

  /** A round is being answered: nobody else may answer it. */
  get isInRound(): boolean {
    return this.#round !== undefined;
  }

  /** Starts the call in its first round. `serve` must not reject but with what {@link run} is to throw. */
  begin(round: Round, serve: () => Promise<Served>): Promise<RoundEnd> {
    this.#firstToken = round.progressToken;
    const end = this.#open(round);
    this.options.owner.calls.add(this);
    void serve().then(
      (served) => {
        this.options.owner.calls.delete(this);
        this.#served = served;
        this.#close({ kind: 'served', served });
      },
      (error: unknown) => {
        this.options.owner.calls.delete(this);
        this.#end?.reject(error);
      },
    );
    return end;
  }

  /** Goes on with what the client answered; questions that it left open are asked again. */
  resume(round: Round, responses: ReadonlyMap<string, string>): Promise<RoundEnd> {
    const end = this.#open(round);
    for (const [key, text] of responses) {
      const question = this.#questions.get(key);
      this.#questions.delete(key);
      question?.answer({ kind: 'result', text });
    }
    if (this.#served !== undefined) this.#close({ kind: 'served', served: this.#served });
    else if (this.#questions.size > 0) this.#gather();
    return end;
  }

  /** The client went away, or did not come back: the upstream is told. */
  cancel(): void {
    this.control.cancel();
    for (const { answer } of this.#questions.values()) answer(errorReply(-32_800, 'Nobody answers any more'));
    this.#questions.clear();
  }

  ask(request: ServerRequest, control: CallControl): Promise<ClientReply> {
    const { method, params } = request;
    const ofTask = this.options.owner.askAboutTask(request, control);
    if (ofTask !== undefined) return ofTask;
    const needed = neededCapability(method, params === undefined ? undefined : JSON.parse(params));
    if (needed === undefined || !declares(this.capabilities.value, needed)) {
      this.onUndeclared(method, params);
      return Promise.resolve(errorReply(-32_601, `The client does not support ${method}`));
    }
    if (!MULTI_ROUND.has(this.method) || this.control.reason !== undefined || this.#asked >= QUESTIONS_MAX) {
      return Promise.resolve(errorReply(-32_603, 'The client cannot be asked in this request'));
    }
    return new Promise((resolve) => {
      const key = `input-${(this.#asked += 1)}`;
      this.#questions.set(key, { key, method, params, answer: resolve });
      control.onEnd(() => {
        if (this.#questions.delete(key)) resolve(errorReply(-32_800, 'The request was withdrawn'));
      });
      if (this.#round !== undefined) this.#gather();
    });
  }

  onUndeclared(method: string, params: string | undefined): void {
    const needed = neededCapability(method, params === undefined ? undefined : JSON.parse(params));
    if (needed !== undefined) this.#lacking ??= missingCapability(`the server asks for ${method}`, needed);
  }

  onTarget(server: ServerView, name: string, credential: ResolvedCredential): Promise<void> | undefined {
    this.target = { server, name };
    return this.logLevel === undefined
      ? undefined
      : this.options.owner.ensureLogLevel(server.entry, credential, this.logLevel);
  }

  /** A message of the upstream that belongs to this call; nobody reads it between rounds. */
  readonly emit = (text: string): void | Promise<void> => {
    const round = this.#round;
    if (round === undefined) return undefined;
    if (round.progressToken === this.#firstToken || !text.includes('"notifications/progress"')) {
      return round.exchange.emit(text);
    }
    const message = round.progressToken === undefined ? undefined : readRpcMessage(text);
    const renamed = message === undefined ? undefined : withProgressToken(message, round.progressToken ?? 'null');
    return renamed === undefined ? undefined : round.exchange.emit(renamed);
  };

  answer(answer: Answer): string {
    return this.#write(this.#answerWriter(answer));
  }

  error(error: GatewayError, callId: string): string {
    return this.#write((idText) => modernErrorReply(idText, error, callId));
  }

  /** The reply of a call that was served, for the round that is to have it. */
  reply(idText: string): string {
    return this.#writer(idText);
  }

  #write(writer: (idText: string) => string): string {
    this.#writer = writer;
    return writer(this.#round?.idText ?? 'null');
  }

  #answerWriter(answer: Answer): (idText: string) => string {
    const { kind, text } = answer;
    if (answer.isModern === true) return this.#modernWriter(answer);
    // It asked for it and could not do without: what an upstream of this era would have said at once.
    if (this.#lacking !== undefined && (kind === 'error' || answer.isToolError === true)) {
      throw this.#lacking;
    }
    if (kind === 'result') return (idText) => modernResultReply(idText, this.method, text, answer.hints);
    const elicitations = requiredUrlElicitations(text);
    if (elicitations === undefined || !MULTI_ROUND.has(this.method)) return (idText) => modernErrorReply(idText, text);
    // An upstream of 2025-11-25 wants pages visited first; afterwards the same request succeeds.
    const requiredCapabilities = { elicitation: { url: {} } };
    if (!declares(this.capabilities.value, requiredCapabilities)) {
      throw missingCapability('elicitation.url', requiredCapabilities);
    }
    const requests = elicitations.map((params, index) => ({
      key: `visit-${index + 1}`,
      method: 'elicitation/create',
      params,
    }));
    const state = this.options.stateForAnother(undefined);
    return (idText) => inputRequiredReply(idText, requests, state);
  }

  /** An upstream of the same era has the last word, but for what only its gateway can promise. */
  #modernWriter({ kind, text }: Answer): (idText: string) => string {
    if (kind === 'error') {
      if (errorCode(text) !== MISSING_CAPABILITY) return (idText) => modernErrorReply(idText, text);
      this.status = 400;
      return (idText) => errorText(idText, text);
    }
    const { resultType, requestState, ttlMs } = readResultFacts(text);
    if (resultType === undefined || resultType === 'complete') {
      const hints = { ttlMs: ttlMs ?? 0, cacheScope: 'private' } as const;
      return (idText) => modernResultReply(idText, this.method, text, hints);
    }
    if (resultType !== 'input_required') return (idText) => resultText(idText, text);
    const state = requestState === undefined ? undefined : this.options.stateForAnother(requestState);
    return (idText) => passedInputReply(idText, text, state);
  }

  #open(round: Round): Promise<RoundEnd> {
    this.#round = round;
    this.#end = Promise.withResolvers();
    return this.#end.promise;
  }

  #close(end: RoundEnd): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#round = undefined;
    this.#end?.resolve(end);
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      if (this.#round !== undefined && this.#questions.size > 0) {
        this.#close({ kind: 'input', requests: [...this.#questions.values()] });
      }
    }, GATHER_MS);
  }
}

function missingCapability(detail: string, requiredCapabilities: Readonly<Record<string, object>>): GatewayError {
  return new GatewayError('rpc/missing_capability', { detail, data: { requiredCapabilities } });
}
