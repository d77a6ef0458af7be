import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { DoorSettings } from '../config/settings.js';
import { PublicAddress } from './public-address.js';

const DOOR: DoorSettings = {
  baseUrl: undefined,
  rootPath: '',
  allowedHosts: [],
  allowedOrigins: [],
  clientSideAuthHeader: 'x-mcp-auth',
  useForwardedFor: true,
  trustedProxyRanges: ['10.0.0.0/8', '::1'],
  internalRanges: [],
};

function request(headers: IncomingHttpHeaders, peer: string | undefined): IncomingMessage {
  const socket = { remoteAddress: peer, localAddress: '127.0.0.1', localPort: 4000 };
  return { headers, socket } as IncomingMessage;
}

const FORWARDED = { host: 'inside:4000', 'x-forwarded-host': 'mcp.example.com', 'x-forwarded-proto': 'https' };

describe('the address clients use', () => {
  test.each([
    ['is that of the request', {}, { host: 'gate.local:4000' }, '192.0.2.1', 'http://gate.local:4000'],
    ['ignores what strangers forward (defect 28)', {}, FORWARDED, '192.0.2.1', 'http://inside:4000'],
    ['follows a trusted proxy', {}, FORWARDED, '10.1.2.3', 'https://mcp.example.com'],
    ['follows one that came as IPv4 in IPv6', {}, FORWARDED, '::ffff:10.1.2.3', 'https://mcp.example.com'],
    ['takes its port', {}, { ...FORWARDED, 'x-forwarded-port': '8443' }, '::1', 'https://mcp.example.com:8443'],
    [
      'takes the first of several',
      {},
      { ...FORWARDED, 'x-forwarded-host': 'a.example, b.example' },
      '::1',
      'https://a.example',
    ],
    ['is the configured one', { baseUrl: 'https://x.example' }, FORWARDED, '10.1.2.3', 'https://x.example'],
    ['ends with the root path', { rootPath: '/gw' }, { host: 'a' }, '192.0.2.1', 'http://a/gw'],
    ['has the root path once', { baseUrl: 'https://x/gw', rootPath: '/gw' }, {}, undefined, 'https://x/gw'],
    ['is no place for a quote', {}, { host: 'a"b' }, '192.0.2.1', 'http://127.0.0.1:4000'],
    ['is no place for a path', {}, { host: 'a/b' }, '192.0.2.1', 'http://127.0.0.1:4000'],
    ['is no place for a user', {}, { host: 'u@a' }, '192.0.2.1', 'http://127.0.0.1:4000'],
    ['knows brackets', {}, { host: '[::1]:4000' }, '::1', 'http://[::1]:4000'],
  ])('%s', (_name, door, headers, peer, expected) => {
    expect(new PublicAddress({ ...DOOR, ...door }).baseUrl(request(headers, peer))).toBe(expected);
  });
});

describe('the address of a client', () => {
  test.each([
    ['is the peer', {}, {}, '192.0.2.1', '192.0.2.1'],
    ['is not what strangers claim', {}, { 'x-forwarded-for': '203.0.113.9' }, '192.0.2.1', '192.0.2.1'],
    ['is what a trusted proxy says', {}, { 'x-forwarded-for': '203.0.113.9' }, '10.0.0.1', '203.0.113.9'],
    [
      'is the nearest untrusted hop',
      {},
      { 'x-forwarded-for': '1.1.1.1, 203.0.113.9, 10.0.0.2' },
      '10.0.0.1',
      '203.0.113.9',
    ],
    ['stops at nonsense', {}, { 'x-forwarded-for': '203.0.113.9, evil, 10.0.0.2' }, '10.0.0.1', '10.0.0.1'],
    [
      'is the peer when that is switched off',
      { useForwardedFor: false },
      { 'x-forwarded-for': '203.0.113.9' },
      '10.0.0.1',
      '10.0.0.1',
    ],
    ['may be unknown', {}, {}, undefined, undefined],
  ])('%s', (_name, door, headers, peer, expected) => {
    expect(new PublicAddress({ ...DOOR, ...door }).clientAddress(request(headers, peer))).toBe(expected);
  });
});
