import { createServer, request as send, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { decodeHeaderValue, encodeHeaderValue } from '../../src/core/protocol/modern/header-value.js';
import { listen } from '../harness/listen.js';
import { isObject, type Json } from './fixture/call.js';
import type { HeaderFront } from './header-front.js';

/** Methods whose `params.name` is a name of the server's, and those whose `params.uri` is. */
const NAMED: readonly unknown[] = ['tools/call', 'prompts/get'];
const LOCATED: readonly unknown[] = ['resources/read', 'resources/subscribe', 'resources/unsubscribe'];

/**
 * A loopback proxy in front of an aggregate that makes it look like one of its servers, for the suite, which asks for
 * fixed names: it puts the server's prefix before names and URIs of requests (`Mcp-Name` too), takes it off in answers,
 * and changes nothing else. `prefix` is the server's with the separator, `uriPrefix` the gateway's form of its URIs.
 */
export async function startPrefixFront(target: string, prefix: string, uriPrefix: string): Promise<HeaderFront> {
  const { hostname, port, pathname } = new URL(target);
  const server = createServer((request, response) => {
    const relay = async (): Promise<void> => {
      const body = await readAll(request);
      const { text, method } = prefixed(body, prefix, uriPrefix);
      const headers = { ...request.headers, ...prefixedHeader(request.headers, method, prefix, uriPrefix) };
      if (text !== body) headers['content-length'] = String(Buffer.byteLength(text));
      const onward = send({ hostname, port, method: request.method, path: request.url, headers }, (answer) => {
        const { 'content-length': length, ...others } = answer.headers;
        const isEmpty = length === '0' || answer.statusCode === 202;
        response.writeHead(answer.statusCode ?? 502, isEmpty ? answer.headers : others);
        response.flushHeaders();
        answer.pipe(new PrefixRemover(prefix, uriPrefix)).pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      onward.end(text);
    };
    relay().catch(() => response.destroy());
  });
  const { origin, close } = await listen(server);
  return { url: `${origin}${pathname}`, close };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** What is not a JSON-RPC request passes as it is: the suite sends malformed things too. */
function prefixed(body: string, prefix: string, uriPrefix: string): { text: string; method?: unknown } {
  const message = parse(body);
  if (!isObject(message) || !isObject(message['params'])) return { text: body };
  const { method, params } = message;
  const changed = prefixedParams(method, params, prefix, uriPrefix);
  return { text: changed === undefined ? body : JSON.stringify({ ...message, params: changed }), method };
}

function prefixedParams(method: unknown, params: Json, prefix: string, uriPrefix: string): Json | undefined {
  const { name, uri, ref, notifications } = params;
  if (NAMED.includes(method) && typeof name === 'string') return { ...params, name: `${prefix}${name}` };
  if (LOCATED.includes(method) && typeof uri === 'string') return { ...params, uri: `${uriPrefix}${uri}` };
  if (method === 'completion/complete' && isObject(ref)) {
    if (typeof ref['name'] === 'string') return { ...params, ref: { ...ref, name: `${prefix}${ref['name']}` } };
    if (typeof ref['uri'] === 'string') return { ...params, ref: { ...ref, uri: `${uriPrefix}${ref['uri']}` } };
  }
  if (method === 'subscriptions/listen' && isObject(notifications)) {
    const { resourceSubscriptions: uris } = notifications;
    if (!Array.isArray(uris)) return undefined;
    const own = uris.map((each: unknown) => (typeof each === 'string' ? `${uriPrefix}${each}` : each));
    return { ...params, notifications: { ...notifications, resourceSubscriptions: own } };
  }
  return undefined;
}

function prefixedHeader(
  headers: IncomingHttpHeaders,
  method: unknown,
  prefix: string,
  uriPrefix: string,
): IncomingHttpHeaders {
  const given = headers['mcp-name'];
  const before = NAMED.includes(method) ? prefix : LOCATED.includes(method) ? uriPrefix : undefined;
  const value = typeof given === 'string' ? decodeHeaderValue(given) : undefined;
  return before === undefined || value === undefined ? {} : { 'mcp-name': encodeHeaderValue(`${before}${value}`) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON, on purpose: the target has to say so.
    return undefined;
  }
}

/** What lists hold, by the member whose value tells whose it is. */
const LISTED = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate' } as const;

/** Takes the prefix off line by line: a line of an event stream, or the only one of a JSON body, is whole messages. */
class PrefixRemover extends Transform {
  readonly #prefix: string;
  readonly #uriPrefix: string;
  #rest = Buffer.alloc(0);

  constructor(prefix: string, uriPrefix: string) {
    super();
    this.#prefix = prefix;
    this.#uriPrefix = uriPrefix;
  }

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    const all = Buffer.concat([this.#rest, chunk]);
    const end = all.lastIndexOf('\n') + 1;
    this.#rest = all.subarray(end);
    const lines = all.subarray(0, end).toString('utf8').split('\n');
    this.push(lines.map((line) => this.#without(line)).join('\n'));
    done();
  }

  override _flush(done: () => void): void {
    this.push(this.#without(this.#rest.toString('utf8')));
    done();
  }

  #without(line: string): string {
    const bare = this.#own(line);
    return bare.replaceAll(`"name":"${this.#prefix}`, '"name":"').replaceAll(this.#uriPrefix, '');
  }

  /** A list without what other servers have. */
  #own(line: string): string {
    const head = line.startsWith('data: ') ? 'data: ' : '';
    const message = line.includes('"result"') ? parse(line.slice(head.length)) : undefined;
    if (!isObject(message) || !isObject(message['result'])) return line;
    const { result } = message;
    for (const [list, member] of Object.entries(LISTED)) {
      const items: unknown = result[list];
      const before = member === 'name' ? this.#prefix : this.#uriPrefix;
      if (!Array.isArray(items)) continue;
      const own = items.filter((item) => isObject(item) && String(item[member]).startsWith(before));
      return `${head}${JSON.stringify({ ...message, result: { ...result, [list]: own } })}`;
    }
    return line;
  }
}
