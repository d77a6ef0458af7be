import { post, type RpcAnswer, type RpcOptions, type RpcReply } from './rpc-over-http.js';

export const MODERN = '2026-07-28';

const PREFIX = 'io.modelcontextprotocol/';

export interface ModernOptions extends RpcOptions {
  /** Default: none. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
  readonly logLevel?: string;
  /** Further `_meta`. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** The envelope of every request of the modern era. */
export function envelope({ capabilities = {}, logLevel, meta = {} }: ModernOptions = {}): Record<string, unknown> {
  return {
    [`${PREFIX}protocolVersion`]: MODERN,
    [`${PREFIX}clientInfo`]: { name: 'gatehouse-test', version: '1.0.0' },
    [`${PREFIX}clientCapabilities`]: capabilities,
    ...(logLevel === undefined ? {} : { [`${PREFIX}logLevel`]: logLevel }),
    ...meta,
  };
}

const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** The headers that repeat the body. */
export function mirrored(method: string, params: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const name = params[NAMED_BY.get(method) ?? ''];
  return {
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
  };
}

/** Sends one request of the modern era as the specification wants it; `headers` change what it wants. */
export function modernRpc(
  url: string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  options: ModernOptions = {},
): Promise<RpcAnswer> {
  const { id = 1, headers = {} } = options;
  const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: envelope(options) } });
  return post(url, body, { ...options, headers: { ...mirrored(method, params), ...headers } });
}

/** An answer that is read while it comes. */
export interface ModernStream {
  readonly status: number;
  readonly headers: Headers;
  readonly messages: readonly RpcReply[];
  /** Comment lines. */
  readonly text: () => string;
  readonly ended: Promise<void>;
  /** Goes away, as a client does that cancels. */
  close(): void;
}

export async function modernStream(
  url: string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  options: ModernOptions = {},
): Promise<ModernStream> {
  const { id = 1, key } = options;
  const abort = new AbortController();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(key === undefined ? {} : { 'x-litellm-api-key': `Bearer ${key}` }),
      ...mirrored(method, params),
      ...options.headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: envelope(options) } }),
    signal: abort.signal,
  });
  const messages: RpcReply[] = [];
  let text = '';
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let taken = 0;
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        for (let end = text.indexOf('\n\n', taken); end !== -1; end = text.indexOf('\n\n', taken)) {
          const data = /^data: (.*)$/m.exec(text.slice(taken, end))?.[1];
          if (data !== undefined) messages.push(JSON.parse(data) as RpcReply);
          taken = end + 2;
        }
      }
    } catch {
      // Closed by us, or cut off: what came is in `messages`.
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    messages,
    text: () => text,
    ended: read(),
    close: () => abort.abort(),
  };
}
