import {
  Client as ClientV2,
  SSEClientTransport as SseTransportV2,
  StreamableHTTPClientTransport as HttpTransportV2,
} from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseTransportV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as HttpTransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

type Json = Record<string, unknown>;

const IDENTITY = { name: 'gatehouse-test', version: '1.0.0' };

/** Everything a client of 2025-11-25 can be asked. */
export const ASKABLE = {
  sampling: { tools: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};

/** A client of the legacy era that answers what it is asked, and keeps what it was asked and told. */
export interface AnsweringClient {
  readonly asked: readonly { readonly method: string; readonly params: Json }[];
  readonly told: readonly { readonly method: string; readonly params: Json }[];
  readonly roots: { uri: string; name: string }[];
  toolNames(): Promise<readonly string[]>;
  /** The text blocks of the result. Rejects with the error of the reply. */
  text(tool: string, args?: Json): Promise<string>;
  subscribe(uri: string): Promise<unknown>;
  unsubscribe(uri: string): Promise<unknown>;
  rootsChanged(): Promise<void>;
  capabilities(): unknown;
  close(): Promise<void>;
}

export interface AnsweringOptions {
  readonly key: string;
  readonly sdk?: 'v1' | 'v2';
  readonly transport?: 'http' | 'sse';
  readonly capabilities?: Json;
  /** Content of an accepted form; a function may make the user slow or somebody who declines. */
  readonly elicit?: (params: Json) => Json | Promise<Json>;
  readonly sample?: (params: Json) => Json | Promise<Json>;
}

const SAMPLED = { model: 'm', role: 'assistant', content: { type: 'text', text: 'sunny' }, stopReason: 'endTurn' };

/** Connects through the gateway. */
export async function answeringClient(url: string, options: AnsweringOptions): Promise<AnsweringClient> {
  const { key, sdk = 'v1', transport = 'http', capabilities = ASKABLE } = options;
  const asked: { method: string; params: Json }[] = [];
  const told: { method: string; params: Json }[] = [];
  const roots = [{ uri: 'file:///home/someone', name: 'home' }];
  const elicit = async (params: Json): Promise<Json> => {
    asked.push({ method: 'elicitation/create', params });
    if (options.elicit !== undefined) return await options.elicit(params);
    if (params['mode'] === 'url') return { action: 'accept' };
    return { action: 'accept', content: { name: 'Ada', username: 'ada', email: 'ada@example.test' } };
  };
  const sample = async (params: Json): Promise<Json> => {
    asked.push({ method: 'sampling/createMessage', params });
    return (await options.sample?.(params)) ?? SAMPLED;
  };
  const listRoots = (): Json => {
    asked.push({ method: 'roots/list', params: {} });
    return { roots };
  };
  const tell = ({ method, params }: { method: string; params?: unknown }): void => {
    told.push({ method, params: (params ?? {}) as Json });
  };
  const init = { requestInit: { headers: { 'x-litellm-api-key': `Bearer ${key}` } } };
  let client: ClientV1 | ClientV2;
  if (sdk === 'v1') {
    const v1 = new ClientV1(IDENTITY, { capabilities });
    if ('elicitation' in capabilities) {
      v1.setRequestHandler(ElicitRequestSchema, async ({ params }) => (await elicit(params)) as never);
    }
    if ('sampling' in capabilities) {
      v1.setRequestHandler(CreateMessageRequestSchema, async ({ params }) => (await sample(params)) as never);
    }
    if ('roots' in capabilities) v1.setRequestHandler(ListRootsRequestSchema, () => listRoots() as never);
    v1.setNotificationHandler(ElicitationCompleteNotificationSchema, tell);
    v1.setNotificationHandler(ResourceUpdatedNotificationSchema, tell);
    v1.setNotificationHandler(LoggingMessageNotificationSchema, tell);
    await v1.connect(
      transport === 'http' ? new HttpTransportV1(new URL(url), init) : new SseTransportV1(new URL(url), init),
    );
    client = v1;
  } else {
    const v2 = new ClientV2(IDENTITY, { capabilities, versionNegotiation: { mode: 'legacy' } });
    if ('elicitation' in capabilities) {
      v2.setRequestHandler('elicitation/create', async ({ params }) => (await elicit(params)) as never);
    }
    if ('sampling' in capabilities) {
      v2.setRequestHandler('sampling/createMessage', async ({ params }) => (await sample(params)) as never);
    }
    if ('roots' in capabilities) v2.setRequestHandler('roots/list', () => listRoots() as never);
    v2.setNotificationHandler('notifications/elicitation/complete', tell);
    v2.setNotificationHandler('notifications/resources/updated', tell);
    v2.setNotificationHandler('notifications/message', tell);
    await v2.connect(
      transport === 'http' ? new HttpTransportV2(new URL(url), init) : new SseTransportV2(new URL(url), init),
    );
    client = v2;
  }
  return {
    asked,
    told,
    roots,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    text: async (tool, args = {}) => {
      const { content } = await client.callTool({ name: tool, arguments: args });
      return (content as readonly { text?: string }[]).map((block) => block.text ?? '').join('\n');
    },
    subscribe: (uri) => client.subscribeResource({ uri }),
    unsubscribe: (uri) => client.unsubscribeResource({ uri }),
    rootsChanged: () => client.sendRootsListChanged(),
    capabilities: () => client.getServerCapabilities(),
    close: () => client.close(),
  };
}
