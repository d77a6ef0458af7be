import { Inject, Injectable } from '@nestjs/common';
import { isRecord } from '../../core/definition/field-checks.js';
import { Secret } from '../../core/model/secret.js';
import { SEALED_COLUMNS } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { credentialKey, type CredentialRef } from './user-credential.js';

export interface SealedContent {
  readonly secret: Secret;
  readonly address: string;
}

/** Seals what a user keeps for a server, bound to user, server and kind: copied to another row it does not open. */
@Injectable()
export class UserCredentialSealer {
  readonly #sealer: Sealer;

  constructor(@Inject(SEALING_SECRET) secret: Secret) {
    this.#sealer = new Sealer(secret, SEALED_COLUMNS.userCredential.purpose);
  }

  seal(ref: CredentialRef, { secret, address }: SealedContent): string {
    return this.#sealer.seal(JSON.stringify({ secret: secret.reveal(), address }), credentialKey(ref));
  }

  /** Undefined when it does not open: then there is no credential, least of all the sealed text. */
  open(ref: CredentialRef, sealed: string): SealedContent | undefined {
    const text = this.#sealer.open(sealed, credentialKey(ref));
    const content: unknown = text === undefined ? undefined : JSON.parse(text);
    if (!isRecord(content) || typeof content['secret'] !== 'string' || typeof content['address'] !== 'string') {
      return undefined;
    }
    return { secret: new Secret(content['secret']), address: content['address'] };
  }
}
