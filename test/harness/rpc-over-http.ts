/** One HTTP exchange of streamable HTTP as curl would make it: nothing is added, repaired or validated. */
export interface RpcAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON body, or the last message of an event stream; undefined for neither. */
  readonly message: RpcReply | undefined;
  /** Every message of the answer, in order. */
  readonly messages: readonly RpcReply[];
}

export interface RpcReply {
  readonly jsonrpc: string;
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

export interface RpcOptions {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 1. `null` sends a notification. */
  readonly id?: string | number | null;
  readonly sessionId?: string;
  readonly signal?: AbortSignal;
}

/** The headers of a client that follows the specification. */
export function clientHeaders({ key, sessionId, headers = {} }: RpcOptions = {}): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(key === undefined ? {} : { 'x-litellm-api-key': `Bearer ${key}` }),
    ...(sessionId === undefined ? {} : { 'mcp-session-id': sessionId }),
    ...headers,
  };
}

/** Sends one JSON-RPC request. */
export function rpc(url: string, method: string, params?: unknown, options: RpcOptions = {}): Promise<RpcAnswer> {
  const { id = 1 } = options;
  return post(url, JSON.stringify({ jsonrpc: '2.0', ...(id === null ? {} : { id }), method, params }), options);
}

/** Sends any body. */
export async function post(url: string, body: string, options: RpcOptions = {}): Promise<RpcAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: clientHeaders(options),
    body,
    redirect: 'manual',
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const text = await response.text();
  const messages = messagesOf(response.headers.get('content-type') ?? '', text);
  return { status: response.status, headers: response.headers, text, messages, message: messages.at(-1) };
}

/** The messages in a body, JSON or event stream. */
export function messagesOf(contentType: string, text: string): readonly RpcReply[] {
  if (contentType.startsWith('text/event-stream')) {
    return text
      .split(/\r?\n\r?\n/)
      .map((event) =>
        event
          .split(/\r?\n/)
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice(5).trimStart())
          .join('\n'),
      )
      .filter((data) => data !== '')
      .map((data) => JSON.parse(data) as RpcReply);
  }
  return contentType.startsWith('application/json') && text !== '' ? [JSON.parse(text) as RpcReply] : [];
}
