import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A credential that cannot be printed by accident: string conversion, JSON, `util.inspect` and structured logging all
 * show `[redacted]`. Only `engine/upstream/credential`, `platform/crypto` and `state/identity` call {@link reveal}.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Never log it, never put it into an error. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
