import type { ServerResponse } from 'node:http';
import { viewDifference, type ViewDifference } from '../../core/access/view-difference.js';
import type { AccessView } from '../../core/model/access-view.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { META } from '../../core/protocol/modern/meta-keys.js';
import { withMembersSet } from '../../core/protocol/modern/object-text.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import { notificationText, rawMember, readRpcMessage, resultText } from '../../core/protocol/rpc-message.js';
import type { SessionStream } from '../../engine/session/client-session.js';
import { EventStream } from './event-stream.js';
import { SERVER_INFO } from './modern-reply.js';

/** What a client asked to be told of, or the part of it that is honoured. */
export interface SubscriptionFilter {
  readonly toolsListChanged?: true;
  readonly promptsListChanged?: true;
  readonly resourcesListChanged?: true;
  readonly resourceSubscriptions?: readonly string[];
}

/** Bytes a slow reader may leave unread before notifications are dropped. */
const BACKLOG_BYTES_MAX = 1024 * 1024;

const MEMBER_OF: ReadonlyMap<unknown, keyof SubscriptionFilter> = new Map([
  ['notifications/tools/list_changed', 'toolsListChanged'],
  ['notifications/prompts/list_changed', 'promptsListChanged'],
  ['notifications/resources/list_changed', 'resourcesListChanged'],
]);

/**
 * One `subscriptions/listen` stream (2026-07-28, "Subscriptions"): acknowledges first, tells only what was asked for, and
 * every message carries the id of the request that opened it.
 */
export class ListenStream implements SessionStream {
  readonly #events: EventStream;
  readonly #meta: string;
  #told: AccessView | undefined;

  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    /** Raw id of the request. */
    private readonly idText: string,
    private readonly honoured: SubscriptionFilter,
    private readonly currentView: () => AccessView | undefined,
  ) {
    this.#meta = `${JSON.stringify(META.subscriptionId)}:${idText}`;
    this.#told = currentView();
    this.#events = new EventStream(response, headers);
    const params = `{"_meta":{${this.#meta}},"notifications":${JSON.stringify(honoured)}}`;
    this.#write(notificationText('notifications/subscriptions/acknowledged', params));
  }

  /** A list that changed; dropped unless the client asked for it. */
  send(text: string): void {
    const { method } = JSON.parse(text) as { method?: unknown };
    const member = MEMBER_OF.get(method);
    if (member === undefined || this.honoured[member] !== true) return;
    this.#write(notificationText(String(method), `{"_meta":{${this.#meta}}}`));
  }

  /** A resource that changed, as the upstream wrote it but for the URI, which the client knows it by. */
  sendUpdated(text: string): void {
    const message = readRpcMessage(text);
    const params = message === undefined ? undefined : rawMember(message, 'params');
    if (params === undefined) return;
    const meta = findMember(scanObject(params), '_meta');
    const metaText = meta === undefined ? '{}' : params.slice(meta.start, meta.end);
    const tagged = withMembersSet(
      metaText.startsWith('{') ? metaText : '{}',
      new Map([[META.subscriptionId, this.idText]]),
    );
    this.#write(
      notificationText('notifications/resources/updated', withMembersSet(params, new Map([['_meta', tagged]]))),
    );
  }

  /** The empty result: the subscription is over, gracefully. */
  end(): void {
    const meta = `{${this.#meta},${JSON.stringify(META.serverInfo)}:${SERVER_INFO}}`;
    void this.#events.write(resultText(this.idText, `{"resultType":"complete","_meta":${meta}}`), 'message');
    this.#events.end();
  }

  sees(entry: ServerEntry, content?: 'content'): boolean {
    const view = this.currentView();
    return (content === undefined ? view : view?.content)?.byServerId.has(entry.id) ?? false;
  }

  takeViewChange(): ViewDifference {
    const before = this.#told;
    this.#told = this.currentView();
    return viewDifference(before, this.#told);
  }

  #write(text: string): void {
    if (this.#events.backlogBytes <= BACKLOG_BYTES_MAX) void this.#events.write(text, 'message');
  }
}
