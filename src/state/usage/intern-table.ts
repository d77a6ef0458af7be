/**
 * Gives equal texts one short copy. Names that come out of a request body are often views into it: kept as they are, a
 * ledger row would keep the whole body in memory. Control characters go (Postgres takes no NUL, and the ledger's writer
 * separates columns by them), and over-long texts are cut.
 *
 * Costs about 0.03 µs for a known text. When full it starts anew.
 */
export class InternTable {
  readonly #copies = new Map<string, string>();
  readonly #sizeMax: number;
  readonly #lengthMax: number;

  constructor(sizeMax: number, lengthMax: number) {
    this.#sizeMax = sizeMax;
    this.#lengthMax = lengthMax;
  }

  get size(): number {
    return this.#copies.size;
  }

  intern(text: string): string {
    const known = this.#copies.get(text);
    if (known !== undefined) return known;
    // A round trip through bytes gives a text that shares memory with nothing; lone surrogates become U+FFFD.
    const cut = text.length > this.#lengthMax ? text.slice(0, this.#lengthMax) : text;
    const copy = Buffer.from(cut.replace(/\p{Cc}/gu, '\ufffd'), 'utf8').toString('utf8');
    if (text.length <= this.#lengthMax) {
      if (this.#copies.size >= this.#sizeMax) this.#copies.clear();
      this.#copies.set(copy === text ? copy : Buffer.from(text, 'utf8').toString('utf8'), copy);
    }
    return copy;
  }
}
