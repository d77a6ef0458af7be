import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { SealingSecret } from '../../core/model/sealing-secret.js';
import type { Secret } from '../../core/model/secret.js';

const MAC_BYTES = 16;

/**
 * Signs short texts that clients hold and give back. Unlike sealing it hides nothing, and the same text for the same owner
 * is always the same: for ids that clients compare. The text is `base64url(text).base64url(HMAC-SHA256, 16 bytes)`.
 */
export class Signer {
  readonly #key: Buffer;
  /** What was signed before the secret changed, or by a replica that has the next one already. */
  readonly #otherKeys: readonly Buffer[];

  /**
   * @param secret signs; the others of a `SealingSecret` are believed too.
   * @param purpose a constant of the calling code: what is signed for one purpose is not valid for another.
   */
  constructor(secret: Secret, purpose: string) {
    const derive = (from: Secret): Buffer =>
      Buffer.from(hkdfSync('sha256', from.reveal(), '', `gatehouse/sign/1/${purpose}`, 32));
    this.#key = derive(secret);
    this.#otherKeys = secret instanceof SealingSecret ? secret.others.map(derive) : [];
  }

  sign(text: string, owner: string): string {
    return compose(text, mac(this.#key, text, owner));
  }

  /** The text; undefined for anything that was not signed for this owner. */
  open(signed: string, owner: string): string | undefined {
    const [body, tag, ...rest] = signed.split('.');
    if (body === undefined || tag === undefined || rest.length > 0) return undefined;
    const text = Buffer.from(body, 'base64url').toString();
    const given = Buffer.from(tag, 'base64url');
    if (given.length !== MAC_BYTES || compose(text, given) !== signed) return undefined;
    const isOurs = [this.#key, ...this.#otherKeys].some((key) => timingSafeEqual(given, mac(key, text, owner)));
    return isOurs ? text : undefined;
  }
}

function compose(text: string, tag: Buffer): string {
  return `${Buffer.from(text).toString('base64url')}.${tag.toString('base64url')}`;
}

function mac(key: Buffer, text: string, owner: string): Buffer {
  return createHmac('sha256', key).update(`${owner.length}:${owner}`).update(text).digest().subarray(0, MAC_BYTES);
}
