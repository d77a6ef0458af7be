import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { DoorSettings } from '../config/settings.js';
import { PublicAddress } from './public-address.js';

const DOOR: DoorSettings = {
  baseUrl: undefined,
  rootPath: '',
  allowedHosts: [],
  allowedOrigins: [],
  publicDocs: false,
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
    ['is unknown behind nonsense', {}, { 'x-forwarded-for': '203.0.113.9, evil, 10.0.0.2' }, '10.0.0.1', undefined],
    [
      'is the farthest hop when all are proxies',
      {},
      { 'x-forwarded-for': '10.0.0.3, 10.0.0.2' },
      '10.0.0.1',
      '10.0.0.3',
    ],
    ['may come with a port', {}, { 'x-forwarded-for': '203.0.113.9:4711' }, '10.0.0.1', '203.0.113.9'],
    ['may come in brackets', {}, { 'x-forwarded-for': '[2001:db8::9]:4711' }, '::1', '2001:db8::9'],
    ['is the peer when the proxy says nothing', {}, { 'x-forwarded-for': ' ' }, '10.0.0.1', '10.0.0.1'],
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

describe('a client is external', () => {
  const internalRanges = ['10.0.0.0/8', '127.0.0.0/8', 'fc00::/7'];
  test.each<[string, IncomingHttpHeaders, string | undefined, boolean]>([
    ['unless it is in an internal range', {}, '10.9.9.9', false],
    ['when it is in none', {}, '192.0.2.1', true],
    ['unless its IPv4 address in IPv6 spelling is internal', {}, '::ffff:10.9.9.9', false],
    ['unless that is spelled in hexadecimal', {}, '::ffff:a09:909', false],
    ['when an IPv6 address only ends like an internal one', {}, '2001:db8::10.9.9.9', true],
    ['unless its IPv6 range is internal, whatever the zone', {}, 'fd00::1%eth0', false],
    ['when nobody knows its address', {}, undefined, true],
    ['when a trusted proxy says so', { 'x-forwarded-for': '192.0.2.1' }, '10.0.0.1', true],
    ['when what the proxy says is no address', { 'x-forwarded-for': 'localhost' }, '10.0.0.1', true],
    ['whatever a stranger claims', { 'x-forwarded-for': '10.1.1.1' }, '192.0.2.1', true],
    ['whatever it wrote left of the proxy’s word', { 'x-forwarded-for': '10.1.1.1, 192.0.2.1' }, '10.0.0.1', true],
  ])('%s', (_name, headers, peer, expected) => {
    expect(new PublicAddress({ ...DOOR, internalRanges }).isExternal(request(headers, peer))).toBe(expected);
  });

  test('or not, as the process that took the connection saw it', () => {
    const address = new PublicAddress({ ...DOOR, internalRanges });
    expect(address.isExternal(request({}, undefined), '10.9.9.9')).toBe(false);
    expect(address.isExternal(request({}, undefined), '192.0.2.1')).toBe(true);
  });
});
