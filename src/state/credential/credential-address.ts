import type { ServerEntry } from '../../core/model/server-entry.js';

/**
 * Where what a user gave for a server may go: the server's origin, or its command, and the origin of the token endpoint
 * where one is written, since refresh tokens go there. A credential given for one address is not sent to another, should the
 * server be moved (contract §10 holds administrators to the same).
 */
export function credentialAddress({ endpoint, auth }: ServerEntry): string {
  if (endpoint.kind === 'stdio') return `command:${endpoint.command}`;
  const origin = originOf(endpoint.url);
  const isInteractive = auth.type === 'oauth2' && auth.flow === 'authorization_code';
  return isInteractive && auth.tokenUrl !== undefined ? `${origin} ${originOf(auth.tokenUrl)}` : origin;
}

function originOf(url: string): string {
  return URL.parse(url)?.origin ?? '';
}
