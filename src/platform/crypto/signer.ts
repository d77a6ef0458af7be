import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../core/model/secret.js';

const MAC_BYTES = 16;

/**
 * Signs short texts that clients hold and give back. Unlike sealing it hides nothing, and the same text for the same owner
 * is always the same: for ids that clients compare. The text is `base64url(text).base64url(HMAC-SHA256, 16 bytes)`.
 */
export class Signer {
  readonly #key: Buffer;

  /** @param purpose a constant of the calling code: what is signed for one purpose is not valid for another. */
  constructor(secret: Secret, purpose: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret.reveal(), '', `gatehouse/sign/1/${purpose}`, 32));
  }

  sign(text: string, owner: string): string {
    return `${Buffer.from(text).toString('base64url')}.${this.#mac(text, owner).toString('base64url')}`;
  }

  /** The text; undefined for anything that was not signed for this owner. */
  open(signed: string, owner: string): string | undefined {
    const [body, mac, ...rest] = signed.split('.');
    if (body === undefined || mac === undefined || rest.length > 0) return undefined;
    const text = Buffer.from(body, 'base64url').toString();
    const given = Buffer.from(mac, 'base64url');
    if (given.length !== MAC_BYTES || !timingSafeEqual(given, this.#mac(text, owner))) return undefined;
    return this.sign(text, owner) === signed ? text : undefined;
  }

  #mac(text: string, owner: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(`${owner.length}:${owner}`)
      .update(text)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
