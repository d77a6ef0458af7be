import type { IncomingMessage } from 'node:http';
import type { DoorSettings, ListenSettings } from '../../platform/config/settings.js';
import { HostGuard } from './host-guard.js';

const door: DoorSettings = {
  baseUrl: undefined,
  rootPath: '',
  allowedHosts: [],
  allowedOrigins: [],
  publicDocs: false,
  clientSideAuthHeader: 'x-mcp-auth',
  useForwardedFor: false,
  trustedProxyRanges: [],
  internalRanges: [],
};
const listen = (host: string): ListenSettings => ({ host, port: 0, workers: 1, replicaUrl: undefined });
const request = (host?: string, origin?: string): IncomingMessage => ({ headers: { host, origin } }) as IncomingMessage;

describe('HostGuard', () => {
  it.each<[string, Partial<DoorSettings>, string, string | undefined, string | undefined, boolean]>([
    ['loopback', {}, '127.0.0.1', 'localhost:4000', undefined, true],
    ['loopback, IPv6', {}, '::1', '[::1]:4000', undefined, true],
    ['a rebound name', {}, '127.0.0.1', 'evil.example:4000', undefined, false],
    ['no Host', {}, '127.0.0.1', undefined, undefined, false],
    ['a name that starts like loopback', {}, '127.0.0.1', 'localhost.evil.example', undefined, false],
    ['the inspector on loopback', {}, '127.0.0.1', 'localhost:4000', 'http://localhost:6274', true],
    ['a foreign page', {}, '127.0.0.1', 'localhost:4000', 'https://evil.example', false],
    ['an opaque origin', {}, '127.0.0.1', 'localhost:4000', 'null', false],
    ['the base URL', { baseUrl: 'https://mcp.example' }, '0.0.0.0', 'mcp.example', 'https://mcp.example', true],
    [
      'another name beside the base URL',
      { baseUrl: 'https://mcp.example' },
      '0.0.0.0',
      'other.example',
      undefined,
      false,
    ],
    ['an allowed host', { allowedHosts: ['Gateway'] }, '0.0.0.0', 'gateway:4000', undefined, true],
    [
      'an allowed origin',
      { baseUrl: 'https://mcp.example', allowedOrigins: ['https://ui.example/'] },
      '0.0.0.0',
      'mcp.example',
      'https://ui.example',
      true,
    ],
    ['public and nothing configured: any Host', {}, '0.0.0.0', 'whatever', undefined, true],
    ['public and nothing configured: foreign page', {}, '0.0.0.0', 'whatever', 'http://localhost:1', false],
  ])('%s', (_title, settings, host, hostHeader, origin, allowed) => {
    expect(new HostGuard({ ...door, ...settings }, listen(host)).allows(request(hostHeader, origin))).toBe(allowed);
  });
});
