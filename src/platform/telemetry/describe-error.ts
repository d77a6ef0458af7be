import { GatewayError } from '../../core/errors/gateway-error.js';

const CAUSE_DEPTH_MAX = 5;
const STACK_CHARS_MAX = 4_000;

/** An error as the log shows it. */
export interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

/**
 * Log form of anything thrown. A GatewayError is ordinary and needs no stack of its own: its code, message and chain of
 * causes tell the story; anything else is shown with its stack. `data` of errors is for callers and stays out.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error instanceof GatewayError && error.code !== 'internal/bug'
      ? {}
      : { stack: (error.stack ?? '').slice(0, STACK_CHARS_MAX) }),
    ...(error.cause === undefined || depth >= CAUSE_DEPTH_MAX ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}
