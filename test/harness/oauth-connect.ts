import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpTransportV2,
  UnauthorizedError as UnauthorizedV2,
} from '@modelcontextprotocol/client';
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpTransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OauthClient } from './oauth-client.js';

/** What a person does when a client opens the browser: answers the parameters that came back to the client. */
export type SignIn = (authorizationUrl: URL) => Promise<URLSearchParams>;

/** A client of an SDK that has nothing but an address. */
export interface ConnectedClient {
  listTools(): Promise<readonly string[]>;
  callTool(name: string, args?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export interface OAuthClientKind {
  readonly name: string;
  /** Connects as the SDK does by itself; asks `signIn` when it opens the browser. `headers` go with every request. */
  connect(url: string, oauth: OauthClient, signIn: SignIn, headers?: Record<string, string>): Promise<ConnectedClient>;
}

const IDENTITY = { name: 'gatehouse-test', version: '1.0.0' };

function connected(client: ClientV1 | ClientV2): ConnectedClient {
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async (name, args = {}) => {
      const { content } = (await client.callTool({ name, arguments: args })) as { content: { text?: string }[] };
      return content.map(({ text }) => text ?? '').join('');
    },
    close: () => client.close(),
  };
}

async function connectV1(
  url: string,
  oauth: OauthClient,
  signIn: SignIn,
  headers: Record<string, string> = {},
): Promise<ConnectedClient> {
  const open = (): HttpTransportV1 =>
    new HttpTransportV1(new URL(url), { authProvider: oauth, requestInit: { headers } });
  const transport = open();
  const client = new ClientV1(IDENTITY);
  try {
    await client.connect(transport);
    return connected(client);
  } catch (error) {
    if (!(error instanceof UnauthorizedV1)) throw error;
  }
  const answer = await signIn(oauth.takeAuthorizationUrl());
  await transport.finishAuth(answer.get('code') ?? '');
  const authorized = new ClientV1(IDENTITY);
  await authorized.connect(open());
  return connected(authorized);
}

async function connectV2(
  url: string,
  oauth: OauthClient,
  signIn: SignIn,
  headers: Record<string, string> = {},
  mode: 'legacy' | 'auto' = 'legacy',
): Promise<ConnectedClient> {
  const open = (): HttpTransportV2 =>
    new HttpTransportV2(new URL(url), { authProvider: oauth, requestInit: { headers } });
  const transport = open();
  const client = new ClientV2(IDENTITY, { versionNegotiation: { mode } });
  try {
    await client.connect(transport);
    return connected(client);
  } catch (error) {
    if (!(error instanceof UnauthorizedV2)) throw error;
  }
  await transport.finishAuth(await signIn(oauth.takeAuthorizationUrl()));
  const authorized = new ClientV2(IDENTITY, { versionNegotiation: { mode } });
  await authorized.connect(open());
  return connected(authorized);
}

/** The clients of the field, with their own OAuth. */
export const OAUTH_CLIENT_KINDS: readonly OAuthClientKind[] = [
  { name: 'SDK v1', connect: connectV1 },
  { name: 'SDK v2', connect: (url, oauth, signIn, headers) => connectV2(url, oauth, signIn, headers) },
  { name: 'SDK v2, modern', connect: (url, oauth, signIn, headers) => connectV2(url, oauth, signIn, headers, 'auto') },
];
