/** Hosts that were refused since the last call. */
export function takeRefusedHosts(): string[];
