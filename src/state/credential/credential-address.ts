import type { ServerEntry } from '../../core/model/server-entry.js';

/**
 * Where what a user gave for a server may go: the server's origin, or its command. A credential given for one address is not
 * sent to another, should the server be moved (contract §10 holds administrators to the same).
 */
export function credentialAddress({ endpoint }: ServerEntry): string {
  if (endpoint.kind === 'stdio') return `command:${endpoint.command}`;
  return URL.parse(endpoint.url)?.origin ?? '';
}
