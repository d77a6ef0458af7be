import { makePrincipal } from '../../../test/factory/make-principal.js';
import type { Principal } from '../../core/model/principal.js';
import { opensRoute, readRouteAccess } from './route-access.js';

function holder(keyType: string, allowedRoutes: readonly string[] = []): Principal {
  const routes = readRouteAccess(keyType, allowedRoutes);
  return makePrincipal({}, routes === undefined ? {} : { routes });
}

function doors(principal: Principal, path = '/anything'): string {
  return (['mcp', 'info', 'management'] as const).filter((kind) => opensRoute(principal, kind, path)).join(' ');
}

describe('the doors a key opens', () => {
  test.each([
    ['default', [], 'mcp info management'],
    ['llm_api', [], 'mcp'],
    ['management', [], 'info management'],
    ['read_only', [], 'info'],
    ['a type nobody knows', [], ''],
    ['default', ['llm_api_routes'], 'mcp'],
    ['default', ['mcp_routes', 'info_routes'], 'mcp info'],
    ['default', ['management_routes'], 'info management'],
    ['llm_api', ['info_routes'], 'info'],
    ['default', ['/key/info'], ''],
    ['default', ['constructor'], ''],
  ])('%s with routes %j: %s', (keyType, routes, expected) => {
    expect(doors(holder(keyType, routes))).toBe(expected);
  });

  test.each([
    ['/key/info', '/key/info', true],
    ['/key/info', '/key/info/', true],
    ['/key/info', '/key/infos', false],
    ['/key/*', '/key/info', true],
    ['/key/*', '/key', true],
    ['/key/*', '/keys', false],
    ['/mcp*', '/mcp/wiki', true],
    ['*', '/whatever', true],
  ])('the path %s lets through %s: %s', (pattern, path, expected) => {
    expect(opensRoute(holder('default', [pattern]), 'management', path)).toBe(expected);
  });
});
