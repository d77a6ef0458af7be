import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import type { DoorSettings } from '../config/settings.js';
import { DOOR_SETTINGS } from '../config/tokens.js';

/** RFC 9110 §7.2 without user information: a name or address, and perhaps a port. */
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Under which address clients know the gateway, and which address a client has. `X-Forwarded-*` is believed only from a
 * peer inside `mcp_trusted_proxy_ranges` (contract §2).
 */
@Injectable()
export class PublicAddress {
  readonly #door: DoorSettings;
  readonly #trusted: BlockList;

  constructor(@Inject(DOOR_SETTINGS) door: DoorSettings) {
    this.#door = door;
    this.#trusted = new BlockList();
    for (const range of door.trustedProxyRanges) {
      const [address = '', prefix] = range.split('/');
      const version = isIP(address);
      if (version === 0) continue;
      const family = version === 6 ? 'ipv6' : 'ipv4';
      this.#trusted.addSubnet(address, prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix), family);
    }
  }

  /** Scheme, host and root path, no trailing slash: `PROXY_BASE_URL`, or what this request was sent to. */
  baseUrl(request: IncomingMessage): string {
    const { baseUrl, rootPath } = this.#door;
    if (baseUrl !== undefined) return baseUrl.endsWith(rootPath) ? baseUrl : `${baseUrl}${rootPath}`;
    const forwarded = this.#comesFromProxy(request) ? request.headers : {};
    const scheme = firstOf(forwarded['x-forwarded-proto']) === 'https' ? 'https' : 'http';
    const host = firstOf(forwarded['x-forwarded-host']) ?? request.headers.host ?? '';
    const port = firstOf(forwarded['x-forwarded-port']);
    const local = `${request.socket.localAddress ?? '127.0.0.1'}:${request.socket.localPort ?? 80}`;
    const url = URL.parse(`${scheme}://${HOST.test(host) ? host : local}`);
    if (url === null) return `http://127.0.0.1${rootPath}`;
    if (port !== undefined && url.port === '' && /^\d{1,5}$/.test(port)) url.port = port;
    return `${url.origin}${rootPath}`;
  }

  /**
   * The client's IP address: the peer's, or with `use_x_forwarded_for` the nearest one in `X-Forwarded-For` that is not
   * a trusted proxy. Undefined when the peer has none (a unix socket).
   */
  clientAddress(request: IncomingMessage): string | undefined {
    const peer = plainAddress(request.socket.remoteAddress);
    if (!this.#door.useForwardedFor || !this.#comesFromProxy(request)) return peer;
    const header = request.headers['x-forwarded-for'];
    const hops = (Array.isArray(header) ? header.join(',') : (header ?? ''))
      .split(',')
      .map((hop) => plainAddress(hop.trim()));
    for (let index = hops.length - 1; index >= 0; index -= 1) {
      const hop = hops[index];
      // What stands left of something unreadable was written by nobody we trust.
      if (hop === undefined || isIP(hop) === 0) break;
      if (!this.#isTrusted(hop)) return hop;
    }
    return peer;
  }

  #comesFromProxy(request: IncomingMessage): boolean {
    const peer = plainAddress(request.socket.remoteAddress);
    return peer !== undefined && this.#isTrusted(peer);
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** IPv4 addresses that reached an IPv6 socket, as IPv4. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice(7) : address;
}

function firstOf(header: string | string[] | undefined): string | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  return value?.split(',')[0]?.trim();
}
