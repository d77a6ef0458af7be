import type { DestinationStream } from 'pino';

const LEVELS: Readonly<Record<number, readonly [label: string, colour: number]>> = {
  10: ['trace', 90],
  20: ['debug', 90],
  30: ['info', 32],
  40: ['warn', 33],
  50: ['error', 31],
  60: ['fatal', 31],
};
/** Members that have their own place on the line, or say nothing on a terminal. */
const PLACED = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err', 'room']);

/** Log lines for people: time, level, room, message, the rest as `key=value`, errors with stack below. */
export function prettyStream(out: NodeJS.WritableStream, colours: boolean): DestinationStream {
  const paint = (text: string, colour: number): string => (colours ? `\u001b[${colour}m${text}\u001b[0m` : text);
  return {
    write(line: string): void {
      const record = readRecord(line);
      if (record === undefined) {
        out.write(line);
        return;
      }
      const [label, colour] = LEVELS[Number(record['level'])] ?? ['log', 37];
      const time = new Date(Number(record['time'])).toISOString().slice(11, 23);
      const room = typeof record['room'] === 'string' ? paint(` ${record['room']}`, 36) : '';
      const rest = Object.entries(record)
        .filter(([key]) => !PLACED.has(key))
        .map(([key, value]) => ` ${paint(`${key}=`, 90)}${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join('');
      out.write(
        `${paint(time, 90)} ${paint(label.padEnd(5), colour)}${room} ${typeof record['msg'] === 'string' ? record['msg'] : ''}${rest}\n${errorLines(record['err'])}`,
      );
    },
  };
}

function readRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Not one of our JSON lines: shown as it is.
    return undefined;
  }
}

function errorLines(error: unknown, indent = '    '): string {
  if (typeof error !== 'object' || error === null) return '';
  const { type, message, code, stack, cause } = error as Record<string, unknown>;
  const text = typeof stack === 'string' && stack !== '' ? stack : `${String(type)}: ${String(message)}`;
  const head = typeof code === 'string' ? `[${code}] ` : '';
  const below = cause === undefined ? '' : `${indent}because of\n${errorLines(cause, `${indent}  `)}`;
  return `${indent}${head}${text.replaceAll('\n', `\n${indent}`)}\n${below}`;
}
