import { MODERN_VERSIONS } from '../../../core/protocol/modern/modern-version.js';
import { HttpSession, type HttpSessionOptions } from './http-session.js';
import type { Refusal } from './http-status.js';

/** Statuses by which a server that expects a session, or knows no such request, refuses one of the modern era. */
const FOREIGN_STATUSES: ReadonlySet<number> = new Set([400, 404, 405, 406, 415]);
/** Codes by which legacy servers miss a session or a known version; −32002 and above are applications'. */
const FOREIGN_CODES: ReadonlySet<unknown> = new Set([undefined, -32_000, -32_001, -32_600]);

/**
 * How requests of the modern era go over HTTP: without a session, a stream is never resumed, and closing it is the
 * cancellation (2026-07-28, "Transports"). Requests of the server, which that era does not have, are dropped.
 */
export class ModernHttpSession extends HttpSession {
  override readonly mayResume = false;

  constructor(options: HttpSessionOptions) {
    super(options);
    this.establish(MODERN_VERSIONS[0], undefined);
  }

  override cancelled(): void {
    // The response stream is closed, which says it.
  }

  override takeRequest(): undefined {
    return undefined;
  }

  override tookCancellation(): boolean {
    return false;
  }

  /** A server that does not speak this era (any more) answers as one that misses its session. */
  override isLostBy({ status, error }: Refusal): boolean {
    const object = error?.value['error'] as { code?: unknown; data?: { supported?: unknown } } | undefined;
    if (!FOREIGN_STATUSES.has(status)) return false;
    if (object?.code === -32_022) return !supportsOurs(object.data?.supported);
    return FOREIGN_CODES.has(object?.code);
  }
}

function supportsOurs(supported: unknown): boolean {
  return Array.isArray(supported) && MODERN_VERSIONS.some((version) => supported.includes(version));
}
