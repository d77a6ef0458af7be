import type { Logger } from 'pino';
import type { AccessView } from '../../core/model/access-view.js';
import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { notificationText, readRpcMessage, requestText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import type { Caller } from '../../engine/catalog/caller.js';
import { resolveResource } from '../../engine/catalog/resolve-resource.js';
import { Subscriptions } from '../../engine/session/subscriptions.js';
import { DeclaredClient, type ClientInteraction } from '../../engine/upstream/client-interaction.js';
import type { UpstreamOwner } from '../../engine/upstream/upstream.js';
import type { Engine } from './method/forward.js';

/** Resources one stream may be told of; what is beyond is not acknowledged. */
const URIS_MAX = 100;
/** How long after a lost session its resources are subscribed again. */
const AGAIN_MS = 1_000;

type Teller = (entry: ServerEntry, text: string) => void;

/**
 * The resources one `subscriptions/listen` stream wants to hear of, subscribed at their servers on upstream sessions of
 * its own, which end with it. A session that is lost is opened again, and what may have been missed is told.
 */
export class ResourceSubscriptions implements UpstreamOwner {
  readonly client: ClientInteraction | undefined;
  readonly #watched = new Subscriptions();
  #count = 0;
  readonly #timers = new Set<NodeJS.Timeout>();
  #tell: Teller = () => undefined;
  #isEnded = false;

  constructor(
    private readonly engine: Engine,
    private readonly caller: Caller,
    readonly key: string,
    capabilities: ClientCapabilities,
    private readonly logger: Logger,
  ) {
    this.client = capabilities.fingerprint === '' ? undefined : new DeclaredClient(key, capabilities);
  }

  /** Subscribes what can be; answers the URIs, as they were given, of those whose servers agreed. */
  async subscribe(view: AccessView, uris: readonly string[]): Promise<readonly string[]> {
    const wanted = [...new Set(uris)].slice(0, URIS_MAX);
    if (wanted.length > 0) this.engine.upstreams.setListening(this, true);
    const agreed = await Promise.all(wanted.map((uri) => this.#subscribe(view, uri)));
    if (this.#count === 0) this.end();
    return wanted.filter((_uri, index) => agreed[index]);
  }

  /** Where updates go from now on. */
  tell(teller: Teller): void {
    this.#tell = teller;
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.engine.upstreams.setListening(this, false);
    this.engine.upstreams.releaseOwner(this.key);
  }

  onNotification(entry: ServerEntry, message: RpcMessage): void {
    const { method } = message.value;
    if (method !== 'notifications/resources/updated') {
      this.engine.catalog.invalidate(entry, method);
      return;
    }
    const text = this.#watched.translate(entry.id, message);
    if (text !== undefined) this.#tell(entry, text);
  }

  onDisconnect(entry: ServerEntry): void {
    if (this.#isEnded) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#again(entry);
    }, AGAIN_MS).unref();
    this.#timers.add(timer);
  }

  async #subscribe(view: AccessView, uri: string): Promise<boolean> {
    try {
      const target = await resolveResource(this.engine.catalog, view, this.caller, uri);
      const { entry } = target.server;
      const credential = this.engine.upstreams.resolveCredential(entry, this.caller.offer);
      const info = await this.engine.upstreams.info(entry, credential, this);
      const resources = info.capabilities['resources'] as { subscribe?: unknown } | undefined;
      if (resources?.subscribe !== true) return false;
      if (!(await this.#request(entry, target.uri)) || this.#isEnded) return false;
      this.#watched.add(entry.id, target.uri, uri);
      this.#count += 1;
      return true;
    } catch (error) {
      this.logger.debug({ err: error, uri }, 'resource not subscribed');
      return false;
    }
  }

  async #request(entry: ServerEntry, uri: string): Promise<boolean> {
    const { upstreams } = this.engine;
    const credential = upstreams.resolveCredential(entry, this.caller.offer);
    const id = upstreams.nextRequestId();
    const method = 'resources/subscribe';
    const text = requestText(id, method, JSON.stringify({ uri }));
    const reply = await upstreams.request(entry, credential, this, { id, method, text, repeatable: true });
    return reply.value['error'] === undefined;
  }

  async #again(entry: ServerEntry): Promise<void> {
    for (const uri of this.#watched.of(entry.id)) {
      if (this.#isEnded) return;
      try {
        if (!(await this.#request(entry, uri))) continue;
        const message = readRpcMessage(notificationText('notifications/resources/updated', JSON.stringify({ uri })));
        if (message !== undefined) this.onNotification(entry, message);
      } catch (error) {
        this.logger.debug({ err: error, uri }, 'resource not subscribed again');
        this.onDisconnect(entry);
        return;
      }
    }
  }
}
