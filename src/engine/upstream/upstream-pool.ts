import { once } from 'node:events';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import type { ClientOffer } from '../../core/model/client-offer.js';
import type { Limits } from '../../core/model/limits.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { notificationText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import type { StdioSettings } from '../../platform/config/settings.js';
import { LIMITS, STDIO_SETTINGS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { awaitOpening } from './await-opening.js';
import { connectionKey } from './connection-key.js';
import { ConnectionBounds } from './connection-bounds.js';
import { ConnectionRoster } from './connection-roster.js';
import { CredentialSources } from './credential/credential-sources.js';
import { withFreshCredential } from './credential/fresh-credential.js';
import { resolveCredential } from './credential/resolve-credential.js';
import { IdleSweep } from './idle-sweep.js';
import { ServerHealth } from './server-health.js';
import type { PooledConnection } from './pooled-connection.js';
import type { ServerSlot } from './server-slot.js';
import { type Damage, damageOf } from './session-damage.js';
import { SessionOpenings } from './session-openings.js';
import { SlotTable } from './slot-table.js';
import { UpstreamOpener } from './upstream-opener.js';
import { upstreamError } from './upstream-error.js';
import type {
  ResolvedCredential,
  UpstreamInfo,
  UpstreamOwner,
  UpstreamRequest,
  Upstreams,
  UpstreamStatus,
} from './upstream.js';

/** What the pool holds, for metrics. */
export interface UpstreamGauges {
  /** Sessions with upstreams, stdio children included. */
  readonly connections: number;
  readonly stdioChildren: number;
  /** Calls that run or wait for a session. */
  readonly inFlight: number;
  readonly openCircuits: number;
}

const CLOSE_MS_MAX = 8_000;

/**
 * Sessions with upstreams, kept, shared where that is allowed and bounded in number (contract §5): one per owner and
 * credential where the upstream keeps state, one for all with the same credential where it does not, and one stdio child
 * for all with the same environment unless the server asks for isolation.
 */
@Injectable()
export class UpstreamPool implements Upstreams, OnApplicationShutdown {
  readonly #slots: SlotTable;
  readonly #health: ServerHealth;
  readonly #roster: ConnectionRoster;
  readonly #openings: SessionOpenings;
  readonly #idleSweep: IdleSweep;
  #requestId = 0;
  #inFlight = 0;

  constructor(
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(STDIO_SETTINGS) stdio: StdioSettings,
    @Inject(LOGGER) logger: Logger,
    @Inject(HttpClient) private readonly client: HttpClient,
    @Inject(UpstreamOpener) opener: UpstreamOpener,
    @Inject(CredentialSources) private readonly sources: CredentialSources,
  ) {
    const now = (): number => client.sweep.now;
    this.#slots = new SlotTable({ now, random: Math.random });
    this.#health = new ServerHealth(logger, now);
    this.#roster = new ConnectionRoster(this.#health, logger);
    this.#openings = new SessionOpenings({
      opener,
      bounds: new ConnectionBounds(this.#slots, this.#roster, stdio),
      roster: this.#roster,
      health: this.#health,
      limits,
      nextRequestId: () => this.nextRequestId(),
      now,
    });
    this.#idleSweep = new IdleSweep(this.#slots, this.#roster, limits, stdio, now);
  }

  nextRequestId(): number {
    return (this.#requestId += 1);
  }

  resolveCredential(entry: ServerEntry, offer: ClientOffer): ResolvedCredential {
    const resolved = resolveCredential(entry, offer);
    return resolved.lacks === undefined ? resolved : this.sources.attach(entry, offer, resolved);
  }

  async request(
    entry: ServerEntry,
    credential: ResolvedCredential,
    owner: UpstreamOwner,
    request: UpstreamRequest,
  ): Promise<RpcMessage> {
    const slot = this.#slots.get(entry);
    if (slot.inFlight >= this.limits.callsPerUpstreamMax) {
      throw upstreamError('upstream/busy', entry, 'too many calls run at the same time', undefined, 1);
    }
    const isProbe = this.#health.admit(slot);
    slot.inFlight += 1;
    this.#inFlight += 1;
    try {
      const { source } = credential;
      if (source === undefined) return await this.#call(slot, credential, owner, request);
      return await withFreshCredential(
        credential,
        source,
        (fresh) => this.#call(slot, fresh, owner, request),
        (pending) => awaitOpening(pending, entry, request),
      );
    } finally {
      slot.inFlight -= 1;
      this.#inFlight -= 1;
      if (isProbe) slot.circuit.release();
    }
  }

  notify(entry: ServerEntry, owner: UpstreamOwner, method: string, params: string | undefined): void {
    const text = notificationText(method, params);
    for (const pooled of this.#roster.of(owner.key)) {
      // Those who share a child are one client to it: one's news would be news of all.
      if (pooled.entry.fingerprint !== entry.fingerprint || !pooled.isAloneWith(owner.key)) continue;
      this.#send(pooled, text);
    }
  }

  async info(entry: ServerEntry, credential: ResolvedCredential, owner: UpstreamOwner): Promise<UpstreamInfo> {
    const slot = this.#slots.get(entry);
    const known = slot.info(credential.identity);
    if (known !== undefined) return known;
    const isProbe = this.#health.admit(slot);
    const open = (fresh: ResolvedCredential): Promise<PooledConnection> =>
      this.#openings.connection(slot, fresh, owner);
    try {
      const { source } = credential;
      const pooled = await (source === undefined
        ? open(credential)
        : withFreshCredential(credential, source, open, (pending) => pending));
      return pooled.connection.info;
    } finally {
      if (isProbe) slot.circuit.release();
    }
  }

  knownInfo(entry: ServerEntry, credential: ResolvedCredential): UpstreamInfo | undefined {
    return this.#slots.get(entry).info(credential.identity);
  }

  connectedServers(ownerKey: string): readonly ServerEntry[] {
    const entries = new Set<ServerEntry>();
    for (const { connection, entry } of this.#roster.of(ownerKey)) {
      if (!connection.closed) entries.add(entry);
    }
    return [...entries];
  }

  setListening(owner: UpstreamOwner, listening: boolean): void {
    this.#roster.setListening(owner, listening);
  }

  releaseOwner(ownerKey: string): void {
    this.#roster.releaseOwner(ownerKey);
  }

  drop(entry: ServerEntry): void {
    const slot = this.#slots.drop(entry);
    for (const pooled of [...(slot?.connections() ?? [])]) this.#roster.retire(pooled, 'when idle');
  }

  status(entry: ServerEntry): UpstreamStatus {
    return this.#slots.get(entry).status;
  }

  gauges(): UpstreamGauges {
    let openCircuits = 0;
    for (const { circuit } of this.#slots.all()) if (circuit.state === 'open') openCircuits += 1;
    return {
      connections: this.#roster.connections,
      stdioChildren: this.#roster.children,
      inFlight: this.#inFlight,
      openCircuits,
    };
  }

  /** Ends all sessions politely, but not for ever, then what is left. */
  async onApplicationShutdown(): Promise<void> {
    const opened = this.#openings.close();
    this.#idleSweep.stop();
    for (const slot of this.#slots.all()) {
      for (const pooled of [...slot.connections()]) this.#roster.retire(pooled, 'now');
    }
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), CLOSE_MS_MAX);
    await Promise.race([this.#allClosed(opened), once(late.signal, 'abort')]);
    clearTimeout(timer);
    await this.client.close();
  }

  #send(pooled: PooledConnection, text: string): void {
    const { credential, connection, headers } = pooled;
    const said = credential.source?.headers();
    if (said === undefined) {
      connection.send(text, headers);
      return;
    }
    Promise.resolve(said).then(
      (fresh) => connection.send(text, { ...headers, ...fresh }),
      () => {
        // Without a credential nothing is sent; a notification has nobody to tell.
      },
    );
  }

  async #allClosed(opened: Promise<void>): Promise<void> {
    // A session that was being opened is closed as soon as it is there.
    await opened;
    await this.#roster.allClosed();
  }

  async #call(
    slot: ServerSlot,
    credential: ResolvedCredential,
    owner: UpstreamOwner,
    request: UpstreamRequest,
  ): Promise<RpcMessage> {
    // A server that was restarted loses both, the sockets first. Undefined until something broke.
    let repaired: Set<Damage> | undefined;
    for (;;) {
      const now = this.client.sweep.now;
      slot.lastUsedAt = now;
      const pooled =
        slot.find(owner.key, connectionKey(slot.entry, credential, owner), now) ??
        (await awaitOpening(this.#openings.connection(slot, credential, owner), slot.entry, request));
      if (pooled.isShared) this.#roster.share(pooled, owner, request.method === 'resources/subscribe');
      pooled.lastUsedAt = now;
      const user = pooled.begin(credential, owner);
      try {
        const reply = await pooled.connection.request(request, credential.headers, owner.key);
        slot.noteSuccess();
        return reply;
      } catch (error) {
        this.#health.callFailed(slot, pooled, request, error, now);
        const damage = damageOf(error);
        if (!request.repeatable || damage === undefined || repaired?.has(damage) === true) throw error;
        repaired = (repaired ?? new Set()).add(damage);
      } finally {
        pooled.end(user, this.client.sweep.now);
        this.#roster.endIfDone(pooled);
      }
    }
  }
}
