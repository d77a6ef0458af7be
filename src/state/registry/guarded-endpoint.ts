import { inspect } from 'node:util';
import type { HttpEndpoint, StdioEndpoint } from '../../core/model/server-entry.js';

/**
 * Freezes an endpoint so that printing it (JSON, `util.inspect`, a log line) shows what it is and no more: URLs carry
 * tokens in path and query, arguments carry keys.
 */
export function guardEndpoint<T extends HttpEndpoint | StdioEndpoint>(endpoint: T): T {
  const print = (): unknown =>
    endpoint.kind === 'http'
      ? { kind: endpoint.kind, transport: endpoint.transport, url: printableUrl(endpoint.url) }
      : {
          kind: endpoint.kind,
          command: endpoint.command,
          args: `[${endpoint.args.length}]`,
          isolation: endpoint.isolation,
        };
  Object.defineProperties(endpoint, { toJSON: { value: print }, [inspect.custom]: { value: print } });
  return Object.freeze(endpoint);
}

/** Path segments longer than this are taken for tokens. */
const SEGMENT_MAX = 20;

/** A URL for people: without user name, password, query values, fragment, and path segments that look like tokens. */
export function printableUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return '[not a URL]';
  const path = url.pathname
    .split('/')
    .map((segment) => (segment.length > SEGMENT_MAX ? '***' : segment))
    .join('/');
  return `${url.origin}${path}${url.search === '' ? '' : '?***'}`;
}
