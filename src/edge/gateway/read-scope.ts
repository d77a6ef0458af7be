import type { IncomingHttpHeaders } from 'node:http';
import { SCOPE_ALL, type RequestScope } from '../../core/access/request-scope.js';
import { splitNames, type Route } from './route.js';

/**
 * What the request narrows itself to (contract §3): names in the path win (one toolset, or a list); else `?server=`, `x-litellm-mcp-server` (one
 * server each) or `x-mcp-servers` (a list). An empty filter is an empty scope: a filter never widens.
 */
export function readScope(route: Route, query: string, headers: IncomingHttpHeaders): RequestScope {
  if (route.door === 'toolset') return { kind: 'toolset', name: route.toolset };
  if ('names' in route && route.names !== undefined) return { kind: 'named', names: route.names, source: 'path' };
  const one = (query === '' ? null : new URLSearchParams(query).get('server')) ?? headers['x-litellm-mcp-server'];
  if (typeof one === 'string') {
    const name = one.trim();
    return { kind: 'named', names: name === '' ? [] : [name], source: 'filter' };
  }
  const list = headers['x-mcp-servers'];
  if (list === undefined) return SCOPE_ALL;
  return { kind: 'named', names: splitNames(Array.isArray(list) ? list.join(',') : list), source: 'filter' };
}
