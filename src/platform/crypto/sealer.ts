import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomFillSync,
  type KeyObject,
} from 'node:crypto';
import { SealingSecret } from '../../core/model/sealing-secret.js';
import type { Secret } from '../../core/model/secret.js';

const ALGORITHM = 'aes-256-gcm';
const FORMAT = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES;
const OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;
/** Nonces drawn from the system at once: a system call per seal would cost more than the encryption. */
const NONCE_POOL_BYTES = NONCE_BYTES * 256;

interface SealingKey {
  /** First bytes of a second HKDF output: names the key without telling anything of it. */
  readonly id: number;
  readonly key: KeyObject;
}

function deriveKey(secret: Secret, purpose: string): SealingKey {
  const material = Buffer.from(secret.reveal(), 'utf8');
  const derive = (what: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', material, '', `gatehouse/seal/1/${what}/${purpose}`, bytes));
  return { id: derive('id', KEY_ID_BYTES).readUInt32BE(0), key: createSecretKey(derive('key', 32)) };
}

/**
 * Authenticated encryption of short texts (session ids, cursors, stored credentials): AES-256-GCM under a key derived
 * by HKDF-SHA256 from a secret and a purpose, so what is sealed for one purpose does not open for another. The text is
 * base64url of `format(1) key-id(4) nonce(12) ciphertext tag(16)`, i.e. 4/3 of the plaintext and 44 characters more.
 *
 * Nonces are random: one secret and purpose is good for about 2^32 seals. Sealing and opening 100 characters cost about
 * 7 µs each (Node 24, one core), so both may be done on every request.
 */
export class Sealer {
  readonly #primary: SealingKey;
  readonly #byId = new Map<number, SealingKey>();
  readonly #noncePool = Buffer.allocUnsafe(NONCE_POOL_BYTES);
  #nonceOffset = NONCE_POOL_BYTES;

  /**
   * @param secret seals, and opens what it sealed; the others of a `SealingSecret` only open.
   * @param purpose a constant of the calling code, such as `session-id`.
   */
  constructor(secret: Secret, purpose: string) {
    this.#primary = deriveKey(secret, purpose);
    for (const other of secret instanceof SealingSecret ? secret.others : []) {
      const key = deriveKey(other, purpose);
      this.#byId.set(key.id, key);
    }
    this.#byId.set(this.#primary.id, this.#primary);
  }

  /** `aad` is not stored, but the text opens only when the same is given again: bind it to an owner. */
  seal(plaintext: string, aad = ''): string {
    const nonce = this.#nextNonce();
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt8(FORMAT, 0);
    header.writeUInt32BE(this.#primary.id, 1);
    const cipher = createCipheriv(ALGORITHM, this.#primary.key, nonce, { authTagLength: TAG_BYTES });
    if (aad !== '') cipher.setAAD(Buffer.from(aad, 'utf8'));
    const body = cipher.update(plaintext, 'utf8');
    const rest = cipher.final();
    return Buffer.concat([header, nonce, body, rest, cipher.getAuthTag()]).toString('base64url');
  }

  /** The plaintext; undefined when anything is wrong, without saying what: this is no oracle. */
  open(text: string, aad = ''): string | undefined {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length < OVERHEAD_BYTES || bytes.readUInt8(0) !== FORMAT) return undefined;
    // The decoder skips foreign characters and ignores the last character's spare bits; one text, one meaning.
    if (bytes.toString('base64url') !== text) return undefined;
    const key = this.#byId.get(bytes.readUInt32BE(1));
    if (key === undefined) return undefined;
    const bodyStart = HEADER_BYTES + NONCE_BYTES;
    const tagStart = bytes.length - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, key.key, bytes.subarray(HEADER_BYTES, bodyStart), {
      authTagLength: TAG_BYTES,
    });
    if (aad !== '') decipher.setAAD(Buffer.from(aad, 'utf8'));
    decipher.setAuthTag(bytes.subarray(tagStart));
    const body = decipher.update(bytes.subarray(bodyStart, tagStart));
    try {
      return Buffer.concat([body, decipher.final()]).toString('utf8');
    } catch {
      // The tag does not fit: forged, damaged, another owner. Node has no other way to say so.
      return undefined;
    }
  }

  /** Whether this text was sealed by another secret and should be sealed anew. Does not check that it opens. */
  isOutdated(text: string): boolean {
    const bytes = Buffer.from(text.slice(0, 8), 'base64url');
    return bytes.length >= HEADER_BYTES && bytes.readUInt32BE(1) !== this.#primary.id;
  }

  /** Whether this text names a key of ours, so that it was sealed here. Does not check that it opens. */
  recognises(text: string): boolean {
    const bytes = Buffer.from(text.slice(0, 8), 'base64url');
    return bytes.length >= HEADER_BYTES && bytes.readUInt8(0) === FORMAT && this.#byId.has(bytes.readUInt32BE(1));
  }

  #nextNonce(): Buffer {
    if (this.#nonceOffset === NONCE_POOL_BYTES) {
      randomFillSync(this.#noncePool);
      this.#nonceOffset = 0;
    }
    const start = this.#nonceOffset;
    this.#nonceOffset += NONCE_BYTES;
    return this.#noncePool.subarray(start, this.#nonceOffset);
  }
}
