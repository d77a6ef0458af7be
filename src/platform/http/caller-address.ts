import { isIP } from 'node:net';
import { plainAddress, type AddressRanges } from './address-ranges.js';

/** Whose word about a caller's address is believed. */
export interface ForwardingTrust {
  /** `use_x_forwarded_for`. */
  readonly useForwardedFor: boolean;
  readonly trustedProxies: AddressRanges;
}

/**
 * The caller's address: the peer's or, when the peer is a trusted proxy, the rightmost one of `X-Forwarded-For` that is
 * none (what stands left of it was written by the caller); the leftmost when all are proxies. Undefined when that is no
 * address. Pure.
 */
export function callerAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  { useForwardedFor, trustedProxies }: ForwardingTrust,
): string | undefined {
  const own = plainAddress(peer);
  if (own === undefined || !useForwardedFor || !trustedProxies.includes(own)) return own;
  if (forwardedFor === undefined || forwardedFor.trim() === '') return own;
  let hop: string | undefined;
  for (const written of forwardedFor.split(',').reverse()) {
    hop = plainAddress(withoutPort(written.trim()));
    if (hop === undefined || isIP(hop) === 0) return undefined;
    if (!trustedProxies.includes(hop)) return hop;
  }
  return hop;
}

/** Whether an address belongs to an internal caller; an unknown one does not (contract §9). Pure. */
export function isInternalAddress(address: string | undefined, internal: AddressRanges): boolean {
  return address !== undefined && internal.includes(address);
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
}
