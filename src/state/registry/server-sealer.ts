import { Inject, Injectable } from '@nestjs/common';
import type { ServerFields } from '../../core/definition/server-secrets.js';
import { isRecord } from '../../core/definition/field-checks.js';
import type { Secret } from '../../core/model/secret.js';
import { SEALED_COLUMNS } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';

/** Seals the secret fields of a stored server, bound to its id: what is copied to another row does not open there. */
@Injectable()
export class ServerSealer {
  readonly #sealer: Sealer;

  constructor(@Inject(SEALING_SECRET) secret: Secret) {
    this.#sealer = new Sealer(secret, SEALED_COLUMNS.mcpServer.purpose);
  }

  /** Null when there is nothing to seal. */
  seal(serverId: string, secrets: ServerFields): string | null {
    return Object.keys(secrets).length === 0 ? null : this.#sealer.seal(JSON.stringify(secrets), serverId);
  }

  /** Undefined when it does not open: then there is no credential, least of all the sealed text (defect 32). */
  open(serverId: string, sealed: string | null): ServerFields | undefined {
    if (sealed === null) return {};
    const text = this.#sealer.open(sealed, serverId);
    if (text === undefined) return undefined;
    const secrets: unknown = JSON.parse(text);
    return isRecord(secrets) ? secrets : undefined;
  }
}
