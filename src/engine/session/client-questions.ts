import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import { toLegacyQuestion } from '../../core/protocol/modern/legacy-question.js';
import { notificationText, rawMember, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { splice } from '../../core/protocol/splice.js';
import { withProgressToken } from '../../core/protocol/request-params.js';
import { errorReply, type ClientReply, type ServerRequest } from '../upstream/client-interaction.js';
import type { CallControl } from '../upstream/upstream.js';

/** How long a question waits for a stream to be asked on. */
const PARKED_MS = 10_000;
const PREFIX = 'gatehouse-';

export interface QuestionBounds {
  /** Questions open at once. */
  readonly openMax: number;
  /** Longest wait for an answer, or for the next progress of one. */
  readonly answerTimeoutMs: number;
}

/** What became of a message to the client: `parked` means that a stream for it may still be opened. */
export type Delivery = 'sent' | 'parked' | 'impossible';

/** What a response of the client answered. */
export type Answered = 'question' | 'late' | 'foreign';

interface Question {
  readonly request: ServerRequest;
  readonly text: string;
  readonly send: (text: string) => Delivery;
  /** The token under which the upstream wants progress, raw. */
  readonly tokenText: string | undefined;
  readonly settle: (reply: ClientReply) => void;
  isParked: boolean;
  timer: NodeJS.Timeout;
}

/**
 * Requests of upstreams to one legacy-era client, under ids of the gateway's own: upstreams number theirs as they like.
 * Params pass as they came, but for the progress token, which would not be unique either. Each question ends by the
 * answer, the upstream's withdrawal, the deadline or the end of the session.
 */
export class ClientQuestions {
  readonly #open = new Map<string, Question>();
  readonly #prefix: string;
  #last = 0;

  /** @param tag names this process: answers to questions of another one can be told from late ones. */
  constructor(
    tag: string,
    private readonly bounds: QuestionBounds,
  ) {
    this.#prefix = `${PREFIX}${tag}-`;
  }

  get size(): number {
    return this.#open.size;
  }

  /** See `ClientInteraction.ask`; `send` is the way to the client. */
  ask(request: ServerRequest, control: CallControl, send: (text: string) => Delivery): Promise<ClientReply> {
    if (control.reason !== undefined) return Promise.resolve(errorReply(-32603, 'The request was withdrawn'));
    if (this.#open.size >= this.bounds.openMax) {
      return Promise.resolve(errorReply(-32603, `The client has ${this.bounds.openMax} requests to answer already`));
    }
    const id = `${this.#prefix}${(this.#last += 1)}`;
    const { promise, resolve } = Promise.withResolvers<ClientReply>();
    const { text, tokenText } = composeQuestion(id, request);
    const settle = (reply: ClientReply): void => {
      const question = this.#open.get(id);
      if (question === undefined) return;
      this.#open.delete(id);
      clearTimeout(question.timer);
      control.onEnd(undefined);
      resolve(reply);
    };
    const delivery = send(text);
    if (delivery === 'impossible') {
      return Promise.resolve(errorReply(-32603, 'The client has no stream on which it could be asked'));
    }
    const isParked = delivery === 'parked';
    const timer = this.#startTimer(id, isParked);
    this.#open.set(id, { request, text, send, tokenText, settle, isParked, timer });
    control.onEnd(() => this.#withdraw(id, 'The server withdrew the request', errorReply(-32603, 'Withdrawn')));
    return promise;
  }

  /** A response of the client. */
  answer(message: RpcMessage): Answered {
    const id = String(message.value['id']);
    const question = this.#open.get(id);
    if (question === undefined) return id.startsWith(PREFIX) && !id.startsWith(this.#prefix) ? 'foreign' : 'late';
    const result = rawMember(message, 'result');
    question.settle(
      result === undefined
        ? { kind: 'error', text: rawMember(message, 'error') ?? 'null' }
        : { kind: 'result', text: result },
    );
    return 'question';
  }

  /** `notifications/progress` of the client: goes to the upstream whose question it is about. */
  progress(message: RpcMessage): void {
    const { params } = message.value;
    const token = typeof params === 'object' && params !== null && 'progressToken' in params && params.progressToken;
    const question = typeof token === 'string' ? this.#open.get(token) : undefined;
    if (question?.tokenText === undefined) return;
    question.timer.refresh();
    const text = withProgressToken(message, question.tokenText);
    if (text !== undefined) question.request.notify(text);
  }

  /** A stream was opened: what waited for one is asked there. */
  sendParked(): void {
    for (const [id, question] of this.#open) {
      if (!question.isParked || question.send(question.text) !== 'sent') continue;
      question.isParked = false;
      clearTimeout(question.timer);
      question.timer = this.#startTimer(id, false);
    }
  }

  /** The session is over. */
  end(): void {
    for (const question of [...this.#open.values()]) question.settle(errorReply(-32603, 'The client is gone'));
  }

  #startTimer(id: string, isParked: boolean): NodeJS.Timeout {
    return setTimeout(
      () => this.#withdraw(id, 'The request timed out', errorReply(-32001, 'The client did not answer in time')),
      isParked ? PARKED_MS : this.bounds.answerTimeoutMs,
    ).unref();
  }

  #withdraw(id: string, reason: string, reply: ClientReply): void {
    const question = this.#open.get(id);
    if (question === undefined) return;
    question.settle(reply);
    if (question.isParked) return;
    question.send(notificationText('notifications/cancelled', JSON.stringify({ requestId: id, reason })));
  }
}

function composeQuestion(id: string, { method, params: given }: ServerRequest): { text: string; tokenText?: string } {
  const params = given === undefined ? undefined : toLegacyQuestion(method, given, id);
  const idText = JSON.stringify(id);
  const head = `{"jsonrpc":"2.0","id":${idText},"method":${JSON.stringify(method)}`;
  if (params === undefined) return { text: `${head}}` };
  const meta = params.startsWith('{') ? findMember(scanObject(params), '_meta') : undefined;
  const token =
    meta !== undefined && params.startsWith('{', meta.start)
      ? findMember(scanObject(params, meta.start), 'progressToken')
      : undefined;
  if (token === undefined) return { text: `${head},"params":${params}}` };
  const own = splice(params, [{ start: token.start, end: token.end, with: idText }]);
  return { text: `${head},"params":${own}}`, tokenText: params.slice(token.start, token.end) };
}
