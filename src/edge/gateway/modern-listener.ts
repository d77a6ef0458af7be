import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { clientCapabilities } from '../../core/model/client-capabilities.js';
import { declaresTasks } from '../../core/protocol/modern/tasks-extension.js';
import type { Caller } from '../../engine/catalog/caller.js';
import type { ListKind } from '../../engine/catalog/list-kind.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Dispatcher } from './dispatcher.js';
import { readAccepts } from './exchange.js';
import { ListenStream, type SubscriptionFilter } from './modern-listen-stream.js';
import { ListenStreams } from './modern-listen-streams.js';
import { ModernOwners } from './modern-owners.js';
import type { ModernRequest } from './modern-request.js';
import { viewOffer } from './method/initialize.js';
import { tasksRequired } from './method/modern-tasks.js';
import { ResourceSubscriptions } from './modern-resource-subscriptions.js';
import type { Admitted } from './streamable-door.js';

/** Opens `subscriptions/listen` streams and keeps what they need while they are open. */
@Injectable()
export class ModernListener {
  constructor(
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(ModernOwners) private readonly owners: ModernOwners,
    @Inject(ListenStreams) private readonly streams: ListenStreams,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves when the stream is open. Throws what is wrong with the request. */
  async open(admitted: Admitted, request: ModernRequest, idText: string): Promise<void> {
    if (!readAccepts(admitted.request).events) {
      throw new GatewayError('http/not_acceptable', { detail: 'a subscription needs Accept: text/event-stream' });
    }
    const wanted = readFilter(request.params.value['notifications']);
    const { taskIds } = request.params.value['notifications'] as { taskIds?: unknown };
    if (taskIds !== undefined && !declaresTasks(request.envelope.clientCapabilities)) throw tasksRequired('taskIds');
    const principal = admitted.context.principal;
    this.streams.requireRoom(principal.id);
    const { engine } = this.dispatcher;
    const capabilities = clientCapabilities(request.envelope.capabilitiesText);
    const caller: Caller = {
      principal,
      offer: admitted.context.offer,
      owner: this.owners.of(principal, capabilities),
    };
    const { view } = admitted.context;
    const offered = (await viewOffer(engine, view, caller)).capabilities;
    const subscriptions = new ResourceSubscriptions(
      engine,
      caller,
      `listen:${randomUUID()}`,
      capabilities,
      this.logger,
    );
    const resourceSubscriptions = await subscriptions.subscribe(view.content, wanted.resourceSubscriptions ?? []);
    const honoured: SubscriptionFilter = {
      ...(wanted.toolsListChanged && tellsChanges(offered['tools']) ? { toolsListChanged: true } : {}),
      ...(wanted.promptsListChanged && tellsChanges(offered['prompts']) ? { promptsListChanged: true } : {}),
      ...(wanted.resourcesListChanged && tellsChanges(offered['resources']) ? { resourcesListChanged: true } : {}),
      ...(resourceSubscriptions.length === 0 ? {} : { resourceSubscriptions }),
    };
    const { response } = admitted;
    if (response.destroyed || response.headersSent) {
      subscriptions.end();
      return;
    }
    try {
      this.streams.requireRoom(principal.id);
    } catch (error) {
      subscriptions.end();
      throw error;
    }
    const stream = new ListenStream(response, admitted.headers, idText, honoured, admitted.currentView);
    this.streams.add(principal.id, stream);
    subscriptions.tell((entry, text) => {
      if (stream.sees(entry, 'content')) stream.sendUpdated(text);
    });
    response.once('close', () => {
      this.streams.remove(principal.id, stream);
      subscriptions.end();
    });
    // Whoever holds a list hears when it changes: the gateway must hold those that this client wants to hear of.
    for (const kind of kindsOf(honoured)) {
      void engine.catalog.gather(kind, kind === 'tools' ? view : view.content, caller);
    }
  }
}

function readFilter(given: unknown): SubscriptionFilter {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('an object');
  const { toolsListChanged, promptsListChanged, resourcesListChanged, resourceSubscriptions } = given as Record<
    string,
    unknown
  >;
  for (const flag of [toolsListChanged, promptsListChanged, resourcesListChanged]) {
    if (flag !== undefined && typeof flag !== 'boolean') throw invalid('of booleans and a list of URIs');
  }
  const isList = Array.isArray(resourceSubscriptions) && resourceSubscriptions.every((uri) => typeof uri === 'string');
  if (resourceSubscriptions !== undefined && !isList) throw invalid('of booleans and a list of URIs');
  return {
    ...(toolsListChanged === true ? { toolsListChanged } : {}),
    ...(promptsListChanged === true ? { promptsListChanged } : {}),
    ...(resourcesListChanged === true ? { resourcesListChanged } : {}),
    ...(isList ? { resourceSubscriptions: resourceSubscriptions } : {}),
  };
}

function invalid(expected: string): GatewayError {
  return new GatewayError('rpc/invalid_params', { detail: `params.notifications must be ${expected}` });
}

function tellsChanges(capability: unknown): boolean {
  return (capability as { listChanged?: unknown } | undefined)?.listChanged === true;
}

function kindsOf(filter: SubscriptionFilter): readonly ListKind[] {
  return [
    ...(filter.toolsListChanged === true ? (['tools'] as const) : []),
    ...(filter.promptsListChanged === true ? (['prompts'] as const) : []),
    ...(filter.resourcesListChanged === true ? (['resources', 'templates'] as const) : []),
  ];
}
