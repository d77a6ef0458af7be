import { ERROR_CATALOG, type ErrorCode, type ErrorKind } from './catalog.js';

export interface GatewayErrorOptions {
  /** What went wrong underneath; for logs only, never sent. */
  readonly cause?: unknown;
  /** Names the key, the server, the fix. Reaches the caller when the status is below 500 or the kind exposes details. */
  readonly detail?: string;
  /** Machine-readable companion, sent as `data` (MCP) or beside the message (REST). No secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Seconds for a Retry-After header. */
  readonly retryAfterSeconds?: number;
}

/** The only error type that doors render by its code; anything else is a bug and is shown as `internal/bug`. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    super(composeMessage(ERROR_CATALOG[code], options.detail), { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.detail = options.detail;
    this.data = options.data;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get kind(): ErrorKind {
    return ERROR_CATALOG[this.code];
  }

  /** What the caller may read. */
  get publicMessage(): string {
    const { kind, detail } = this;
    const hidden = kind.status >= 500 && kind.exposesDetail !== true;
    return hidden ? kind.sentence : composeMessage(kind, detail);
  }
}

function composeMessage({ sentence, detailStandsAlone }: ErrorKind, detail: string | undefined): string {
  if (detail === undefined) return sentence;
  return detailStandsAlone === true ? detail : `${sentence}: ${detail}`;
}
