import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { listen } from './listen.js';
import type { OauthProvider, ProviderToken } from './oauth-provider.js';

/** One request as it reached the protected server. */
export interface ProtectedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as spelled on the wire. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** Status of the answer for what was refused; undefined when it was let in. */
  readonly refused: number | undefined;
}

export interface ProtectedServerOptions {
  readonly provider: OauthProvider;
  /** Listen here instead of on a free port. */
  readonly port?: number;
  /** Where clients find the resource metadata: named in the challenge, at the path form, at the root form, nowhere. */
  readonly metadata?: 'challenge' | 'path' | 'root' | 'none';
  /** `scope` of challenges; absent: none. */
  readonly challengeScope?: string;
  /** Named in the metadata; default: the provider's issuer. */
  readonly authorizationServers?: readonly string[];
  /** `scopes_supported` of the metadata. Default `mcp:read`. */
  readonly scopesSupported?: readonly string[];
}

/**
 * An MCP server (SDK v1) at `/mcp` that lets in only access tokens of `provider` whose audience is its own URL, with three
 * tools: `whoami` (JSON: user, clientId, scopes), `echo {text}`, and `write`, which needs scope `mcp:write` and is refused
 * with a step-up challenge without.
 */
export interface ProtectedServer {
  readonly url: string;
  readonly origin: string;
  readonly requests: readonly ProtectedRequest[];
  transcript(): string;
  clearLog(): void;
  close(): Promise<void>;
}

export async function protectedServer(options: ProtectedServerOptions): Promise<ProtectedServer> {
  const { provider } = options;
  const metadataAt = options.metadata ?? 'challenge';
  const requests: ProtectedRequest[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const { origin, close } = await listen(server, options.port);
  const url = `${origin}/mcp`;
  const metadataPaths = {
    challenge: '/metadata-of-mcp',
    path: '/.well-known/oauth-protected-resource/mcp',
    root: '/.well-known/oauth-protected-resource',
    none: '',
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const body = await readText(request);
    const log = (refused: number | undefined) => {
      const { method = '', headers, rawHeaders } = request;
      requests.push({ method, path, headers, rawHeaders, body, refused });
    };
    if (path !== '/mcp') {
      const isMetadata = metadataPaths[metadataAt] === path;
      log(isMetadata ? undefined : 404);
      if (!isMetadata) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          resource: url,
          authorization_servers: options.authorizationServers ?? [provider.issuer],
          scopes_supported: options.scopesSupported ?? ['mcp:read'],
        }),
      );
      return;
    }
    const token = await bearer(request);
    if (token === undefined) {
      log(401);
      const error = request.headers.authorization === undefined ? [] : ['error="invalid_token"'];
      return refuse(response, 401, [...error, ...scopeOf(options.challengeScope)]);
    }
    if (callsWrite(body) && !token.scopes.includes('mcp:write')) {
      log(403);
      return refuse(response, 403, ['error="insufficient_scope"', 'scope="mcp:write"']);
    }
    log(undefined);
    const mcp = makeServer(token);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    response.on('close', () => void mcp.close());
    await mcp.connect(transport);
    await transport.handleRequest(request, response, body === '' ? undefined : JSON.parse(body));
  }

  function refuse(response: ServerResponse, status: number, parameters: readonly string[]): void {
    const where =
      metadataAt === 'challenge' ? [`resource_metadata="${origin}${metadataPaths.challenge}"`] : ['realm="protected"'];
    response.writeHead(status, { 'www-authenticate': `Bearer ${[...parameters, ...where].join(', ')}` }).end();
  }

  async function bearer(request: IncomingMessage): Promise<ProviderToken | undefined> {
    const value = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const token = value === undefined ? undefined : await provider.lookUp(value);
    return token?.audiences.includes(url) === true ? token : undefined;
  }

  return {
    url,
    origin,
    requests,
    transcript: () => requests.map((seen) => JSON.stringify(seen)).join('\n'),
    clearLog: () => void requests.splice(0),
    close,
  };
}

function makeServer(token: ProviderToken): McpServer {
  const server = new McpServer({ name: 'protected', version: '1.0.0' });
  const say = (text: string) => ({ content: [{ type: 'text' as const, text }] });
  server.registerTool('whoami', { description: 'Who the token stands for' }, () =>
    say(JSON.stringify({ user: token.user, clientId: token.clientId, scopes: token.scopes })),
  );
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => say(text));
  server.registerTool('write', { description: 'Needs mcp:write' }, () => say('written'));
  return server;
}

function callsWrite(body: string): boolean {
  return body.includes('"tools/call"') && /"name"\s*:\s*"write"/.test(body);
}

function scopeOf(scope: string | undefined): readonly string[] {
  return scope === undefined ? [] : [`scope="${scope}"`];
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
