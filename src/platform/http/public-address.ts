import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { DoorSettings } from '../config/settings.js';
import { DOOR_SETTINGS } from '../config/tokens.js';
import { AddressRanges, plainAddress } from './address-ranges.js';
import { callerAddress, isInternalAddress } from './caller-address.js';

/** RFC 9110 §7.2 without user information: a name or address, and perhaps a port. */
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Under which address clients know the gateway, and which address a client has. `X-Forwarded-*` is believed only from a
 * peer inside `mcp_trusted_proxy_ranges` (contract §2).
 */
@Injectable()
export class PublicAddress {
  readonly #door: DoorSettings;
  readonly #trusted: AddressRanges;
  readonly #internal: AddressRanges;

  constructor(@Inject(DOOR_SETTINGS) door: DoorSettings) {
    this.#door = door;
    this.#trusted = new AddressRanges(door.trustedProxyRanges);
    this.#internal = new AddressRanges(door.internalRanges);
  }

  /**
   * Scheme, host and root path, no trailing slash: `PROXY_BASE_URL`, or what this request was sent to. `relayedPeer` as for
   * {@link clientAddress}.
   */
  baseUrl(request: IncomingMessage, relayedPeer?: string): string {
    const configured = configuredBaseUrl(this.#door);
    if (configured !== undefined) return configured;
    const { rootPath } = this.#door;
    const forwarded = this.#comesFromProxy(relayedPeer ?? request.socket.remoteAddress) ? request.headers : {};
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
   * a trusted proxy. Undefined when nobody can say. `relayedPeer` is the peer of the process that took the connection.
   */
  clientAddress(request: IncomingMessage, relayedPeer?: string): string | undefined {
    const header = request.headers['x-forwarded-for'];
    return callerAddress(
      relayedPeer ?? request.socket.remoteAddress,
      Array.isArray(header) ? header.join(',') : header,
      { useForwardedFor: this.#door.useForwardedFor, trustedProxies: this.#trusted },
    );
  }

  /** Whether the client is outside `mcp_internal_ip_ranges`; one whose address nobody can say is. */
  isExternal(request: IncomingMessage, relayedPeer?: string): boolean {
    return !isInternalAddress(this.clientAddress(request, relayedPeer), this.#internal);
  }

  #comesFromProxy(address: string | undefined): boolean {
    const peer = plainAddress(address);
    return peer !== undefined && this.#trusted.includes(peer);
  }
}

/** `PROXY_BASE_URL` with the root path, no trailing slash; undefined when it is not set. */
export function configuredBaseUrl({ baseUrl, rootPath }: DoorSettings): string | undefined {
  if (baseUrl === undefined) return undefined;
  return baseUrl.endsWith(rootPath) ? baseUrl : `${baseUrl}${rootPath}`;
}

function firstOf(header: string | string[] | undefined): string | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  return value?.split(',')[0]?.trim();
}
