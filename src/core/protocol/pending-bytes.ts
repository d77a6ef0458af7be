/** A buffer that grew beyond this is given back once it was read, so that one large message costs memory only once. */
const KEPT_BYTES_MAX = 64 * 1024;

/**
 * The unfinished piece of a byte stream: chunks go in, the whole comes out when its end is found. Copies what it is
 * given, so chunks may be reused, and a stream of one-byte chunks costs one byte each. The owner checks {@link length}
 * against its bound before it appends.
 */
export class PendingBytes {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#length + end - start;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(
        Math.max(needed, Math.min(this.#buffer.length * 2, needed + 16 * 1024 * 1024), 1024),
      );
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk.subarray(start, end), this.#length);
    this.#length = needed;
  }

  /** Everything since the last take. The bytes are valid until the next {@link append}. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    if (this.#buffer.length > KEPT_BYTES_MAX) this.#buffer = Buffer.alloc(0);
    return taken;
  }
}
