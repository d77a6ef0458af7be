import type { ServerEntry } from '../../core/model/server-entry.js';
import type { ResolvedCredential, UpstreamOwner } from './upstream.js';

/** One child process serves all callers with the same environment and the same client capabilities. */
export function isSharedChild({ endpoint }: ServerEntry): boolean {
  return endpoint.kind === 'stdio' && endpoint.isolation === 'server';
}

/**
 * What callers must have in common to go over one connection, besides being its owner where it has one. A shared child
 * was told in `initialize` what its client can do, so callers whose clients differ in that have different children: an
 * upstream must never be told of a capability that the actual caller lacks.
 */
export function connectionKey(entry: ServerEntry, credential: ResolvedCredential, owner: UpstreamOwner): string {
  const { envKey } = credential;
  const identity = envKey === undefined ? credential.identity : `${credential.identity}|${envKey}`;
  const declared = owner.client?.capabilities.fingerprint ?? '';
  return declared === '' || !isSharedChild(entry) ? identity : `${identity}\n${declared}`;
}
