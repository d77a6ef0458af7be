import type { IncomingMessage } from 'node:http';
import { isLoopbackHost } from '../../platform/config/loopback.js';
import type { DoorSettings, ListenSettings } from '../../platform/config/settings.js';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Host and Origin checks against DNS rebinding and foreign web pages (security page §1). Host must be loopback, the
 * host of `PROXY_BASE_URL`, or one of `allowed_hosts`; only when the gateway listens beyond loopback and neither is
 * configured is any Host accepted, since it cannot know its names. An Origin, when present, must be allowed by
 * `allowed_origins`, or name the very host that was asked for, or be loopback on a gateway that listens on loopback.
 */
export class HostGuard {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #isLoopback: boolean;
  readonly acceptsAnyHost: boolean;

  constructor(door: DoorSettings, listen: ListenSettings) {
    const own = door.baseUrl === undefined ? [] : [new URL(door.baseUrl).hostname];
    this.#hosts = new Set([...own, ...door.allowedHosts].map((host) => host.toLowerCase()));
    this.#origins = new Set([
      ...door.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')),
      ...(door.baseUrl === undefined ? [] : [new URL(door.baseUrl).origin]),
    ]);
    this.#isLoopback = isLoopbackHost(listen.host);
    this.acceptsAnyHost = !this.#isLoopback && this.#hosts.size === 0;
  }

  allows(request: IncomingMessage): boolean {
    const { host, origin } = request.headers;
    const hostName = host === undefined ? undefined : withoutPort(host.toLowerCase());
    if (hostName === undefined || !this.#allowsHost(hostName)) return false;
    return origin === undefined || this.allowsOrigin(origin, hostName);
  }

  /** Whether the Host alone is one of ours, whatever page sent the request. */
  allowsHostOf({ headers: { host } }: IncomingMessage): boolean {
    return host !== undefined && this.#allowsHost(withoutPort(host.toLowerCase()));
  }

  /** Whether a browser page of this origin may talk to us. */
  allowsOrigin(origin: string, hostName: string): boolean {
    const normal = origin.toLowerCase();
    if (this.#origins.has(normal) || this.#origins.has('*')) return true;
    if (!URL.canParse(normal)) return false;
    const { hostname } = new URL(normal);
    return hostname === hostName || (this.#isLoopback && LOOPBACK_NAMES.has(hostname));
  }

  #allowsHost(name: string): boolean {
    return this.acceptsAnyHost || LOOPBACK_NAMES.has(name) || this.#hosts.has(name);
  }
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}
