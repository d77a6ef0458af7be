import type { Identity } from './identity.js';

/** Which identities rest on a row. Most rows are behind one identity only: no set is made for those. */
export class SubjectIndex {
  readonly #bySubject = new Map<string, Identity | Set<Identity>>();

  add(identity: Identity): void {
    for (const subject of identity.subjects) {
      const there = this.#bySubject.get(subject);
      if (there === undefined) this.#bySubject.set(subject, identity);
      else if (there instanceof Set) there.add(identity);
      else if (there !== identity) this.#bySubject.set(subject, new Set([there, identity]));
    }
  }

  remove(identity: Identity): void {
    for (const subject of identity.subjects) {
      const there = this.#bySubject.get(subject);
      if (there === identity) this.#bySubject.delete(subject);
      else if (there instanceof Set && there.delete(identity) && there.size === 0) this.#bySubject.delete(subject);
    }
  }

  /** A copy: what is done with them may change the index. */
  of(subject: string): readonly Identity[] {
    const there = this.#bySubject.get(subject);
    if (there === undefined) return [];
    return there instanceof Set ? [...there] : [there];
  }
}
