import type { Sealer } from '../../platform/crypto/sealer.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ListKind } from './list-kind.js';

/** Where the next page begins: behind this item of this server. Any replica understands it. */
export interface ListPosition {
  readonly serverId: string;
  readonly identity: string;
  /** Where the item stood; used when it is gone by now. */
  readonly index: number;
}

/** Writes and reads the opaque cursors of aggregated lists: sealed, and bound to the principal, the list and the scope. */
export class ListCursors {
  constructor(private readonly sealer: Sealer) {}

  write(position: ListPosition, kind: ListKind, principalId: string, scope: string): string {
    return this.sealer.seal(
      JSON.stringify([position.serverId, position.identity, position.index]),
      binding(kind, principalId, scope),
    );
  }

  /** Throws `rpc/invalid_params` on anything this gateway did not give to this principal for this list. */
  read(cursor: string, kind: ListKind, principalId: string, scope: string): ListPosition {
    const opened = this.sealer.open(cursor, binding(kind, principalId, scope));
    if (opened === undefined)
      throw new GatewayError('rpc/invalid_params', { detail: 'unknown cursor; start the list again without one' });
    const [serverId, identity, index] = JSON.parse(opened) as [string, string, number];
    return { serverId, identity, index };
  }
}

function binding(kind: ListKind, principalId: string, scope: string): string {
  return JSON.stringify([kind, principalId, scope]);
}
