/** Severities of `logging/setLevel`, least severe first (RFC 5424 names). */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export function isLogLevel(value: unknown): value is LogLevel {
  return (LOG_LEVELS as readonly unknown[]).includes(value);
}

/** Whether a message of `level` is to be shown to someone who asked for `minimum`. Unknown levels are shown. */
export function isShown(level: unknown, minimum: LogLevel | undefined): boolean {
  return minimum === undefined || !isLogLevel(level) || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(minimum);
}
