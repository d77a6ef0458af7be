import { createHash } from 'node:crypto';
import type { DeclaredServer } from '../../core/definition/declared-server.js';

/**
 * The id of a config-defined server: a function of its name alone, so that grants survive a changed URL or credential
 * (contract §2). 32 hexadecimal characters, as the incumbent's.
 */
export function deriveServerId(name: string): string {
  return hash(`gatehouse:server:${name}`);
}

/**
 * The ids the incumbent derives for the same entry (reference §1.3). Where `transport` is left out there are two, as its
 * formula depends on the version of the language it runs on.
 */
export function incumbentServerIds({ writtenName, alias, definition }: DeclaredServer): readonly string[] {
  const { url, transport, auth_type: authType } = definition;
  const transports = transport === undefined ? ['http', 'MCPTransport.http'] : [transport];
  return transports.map((spelling) => hash([writtenName, url ?? '', spelling, authType ?? '', alias ?? ''].join('|')));
}

function hash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32);
}
