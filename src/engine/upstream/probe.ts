import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { EMPTY_OFFER, type ClientOffer } from '../../core/model/client-offer.js';
import type { Limits } from '../../core/model/limits.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { requestText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { CallControl, type ResolvedCredential, type UpstreamInfo, type UpstreamOwner } from './upstream.js';
import { UpstreamPool } from './upstream-pool.js';

interface Means {
  readonly entry: ServerEntry;
  readonly owner: UpstreamOwner;
  readonly credential: ResolvedCredential;
  readonly control: CallControl;
}

/**
 * Tries a server that is not registered, and looks after those that are: the control plane's only way to upstreams. Uses the
 * gateway's own credential, or what whoever tries it brings along, within `limits.listTimeoutMs`, and leaves nothing behind. Whether such a server may be tried at all is the caller's
 * decision. Throws GatewayError `upstream/*`.
 */
@Injectable()
export class UpstreamProbe {
  constructor(
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
    @Inject(LIMITS) private readonly limits: Limits,
  ) {}

  /** Connects and initialises. */
  connect(written: ServerEntry, offer: ClientOffer = EMPTY_OFFER): Promise<UpstreamInfo> {
    return this.#within(written, offer, ({ entry, owner, credential }) =>
      this.upstreams.info(entry, credential, owner),
    );
  }

  /** All pages of `tools/list`, up to `limits.listItemsMax`; items as the server gave them. */
  listTools(written: ServerEntry, offer: ClientOffer = EMPTY_OFFER): Promise<readonly unknown[]> {
    return this.#within(written, offer, async ({ entry, owner, credential, control }) => {
      const tools: unknown[] = [];
      const cursors = new Set<string>();
      for (let params: string | undefined; ;) {
        const id = this.upstreams.nextRequestId();
        const text = requestText(id, 'tools/list', params);
        const request = { id, method: 'tools/list', text, repeatable: true, control };
        const page = readPage(await this.upstreams.request(entry, credential, owner, request), entry);
        tools.push(...page.tools);
        const { nextCursor } = page;
        if (nextCursor === undefined || cursors.has(nextCursor) || tools.length >= this.limits.listItemsMax) {
          return tools.slice(0, this.limits.listItemsMax);
        }
        cursors.add(nextCursor);
        params = JSON.stringify({ cursor: nextCursor });
      }
    });
  }

  /**
   * Asks a registered server for a sign of life (`ping`), within its own or the gateway's deadline for lists. Any reply is
   * one. A stdio server's shared child is used, and started when there is none; a session opened for this is closed again.
   */
  async check(entry: ServerEntry): Promise<void> {
    const owner: UpstreamOwner = { key: `gateway:check-${randomUUID()}`, onNotification: () => undefined };
    const credential = this.upstreams.resolveCredential(entry, EMPTY_OFFER);
    const control = new CallControl();
    const timeoutMs = Math.min(entry.timeoutMs ?? Number.POSITIVE_INFINITY, this.limits.listTimeoutMs);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      control.abandon();
      reject(new GatewayError('upstream/timeout', { detail: `no answer within ${timeoutMs} ms` }));
    }, timeoutMs);
    const id = this.upstreams.nextRequestId();
    const text = requestText(id, 'ping', undefined);
    try {
      await Promise.race([
        this.upstreams.request(entry, credential, owner, { id, method: 'ping', text, repeatable: true, control }),
        late,
      ]);
    } finally {
      clearTimeout(timer);
      this.upstreams.releaseOwner(owner.key);
    }
  }

  /** Whether this registered server answered when it was asked last: looking at it again starts nothing. */
  isReady(entry: ServerEntry): boolean {
    return this.upstreams.status(entry).state === 'ready';
  }

  async #within<T>(written: ServerEntry, offer: ClientOffer, work: (means: Means) => Promise<T>): Promise<T> {
    // A handshake that nobody waits for any more must not go on, with its child or socket, for as long as a call may.
    const timeoutMs = Math.min(written.timeoutMs ?? Number.POSITIVE_INFINITY, this.limits.listTimeoutMs);
    const entry: ServerEntry = { ...written, timeoutMs };
    const owner: UpstreamOwner = { key: `gateway:probe-${randomUUID()}`, onNotification: () => undefined };
    const credential = this.upstreams.resolveCredential(entry, offer);
    const control = new CallControl();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      control.abandon();
      reject(new GatewayError('upstream/timeout', { detail: `no answer within ${this.limits.listTimeoutMs} ms` }));
    }, this.limits.listTimeoutMs);
    try {
      return await Promise.race([work({ entry, owner, credential, control }), late]);
    } finally {
      clearTimeout(timer);
      this.upstreams.releaseOwner(owner.key);
      this.upstreams.drop(entry);
    }
  }
}

function readPage(
  reply: RpcMessage,
  entry: ServerEntry,
): { tools: readonly unknown[]; nextCursor: string | undefined } {
  const { result, error } = reply.value;
  if (typeof result === 'object' && result !== null && 'tools' in result && Array.isArray(result.tools)) {
    const nextCursor = 'nextCursor' in result && typeof result.nextCursor === 'string' ? result.nextCursor : undefined;
    return { tools: result.tools, nextCursor };
  }
  const said =
    typeof error === 'object' && error !== null && 'message' in error
      ? String(error.message).slice(0, 500)
      : 'no list of tools';
  throw new GatewayError('upstream/bad_reply', { detail: `${entry.name}: ${said}` });
}
