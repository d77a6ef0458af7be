import { SseEventTooLargeError, SseParser, type SseEvent } from './sse-parser.js';

function parse(chunks: readonly (string | Uint8Array)[], eventBytesMax = 1_000_000): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = new SseParser({ eventBytesMax, onEvent: (event) => events.push(event) });
  for (const chunk of chunks) parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return events;
}

const event = (data: string, more: Partial<SseEvent> = {}): SseEvent => ({
  event: undefined,
  data,
  id: undefined,
  retry: undefined,
  ...more,
});

describe('SseParser', () => {
  it.each<[string, string, SseEvent[]]>([
    ['a single event', 'data: hello\n\n', [event('hello')]],
    [
      'all four fields',
      'event: message\nid: 7\nretry: 1500\ndata: x\n\n',
      [event('x', { event: 'message', id: '7', retry: 1500 })],
    ],
    ['no space after the colon', 'data:hello\n\n', [event('hello')]],
    ['only one space taken off', 'data:  two\n\n', [event(' two')]],
    ['a colon in the value', 'data: a:b: c\n\n', [event('a:b: c')]],
    ['several data lines', 'data: one\ndata: two\ndata\ndata:\n\n', [event('one\ntwo\n\n')]],
    ['an empty data line', 'data:\n\n', [event('')]],
    ['a field name alone', 'data\n\n', [event('')]],
    ['comments, alone and inside a block', ': keepalive\n\n:\n\ndata: a\n: between\ndata: b\n\n', [event('a\nb')]],
    [
      'unknown fields and look-alikes',
      'datax: no\ndat: no\n data: no\nDATA: no\neventual: no\nfoo\ndata: yes\n\n',
      [event('yes')],
    ],
    ['CRLF', 'event: endpoint\r\ndata: /m\r\n\r\ndata: b\r\n\r\n', [event('/m', { event: 'endpoint' }), event('b')]],
    ['CR', 'data: a\rdata: b\r\rdata: c\r\r', [event('a\nb'), event('c')]],
    ['mixed line ends', 'data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n', [event('a\nb\nc'), event('d')]],
    ['a byte order mark', '\uFEFFdata: a\n\n', [event('a')]],
    ['a byte order mark only at the start', 'data: a\n\n\uFEFFdata: b\n\n', [event('a')]],
    ['many blank lines', '\n\n\ndata: a\n\n\n\ndata: b\n\n\n', [event('a'), event('b')]],
    ['an event name without data', 'event: nothing\n\ndata: a\n\n', [event('a')]],
    ['an empty event name', 'event:\ndata: a\n\n', [event('a')]],
    ['a priming event', 'id: s-0\ndata:\n\n', [event('', { id: 's-0' })]],
    ['an id without data', 'id: s-1\n\n', [event('', { id: 's-1' })]],
    ['a retry without data', 'retry: 3000\n\n', [event('', { retry: 3000 })]],
    ['an empty id', 'id\ndata: a\n\n', [event('a', { id: '' })]],
    ['an id with NUL', 'id: a\0b\ndata: a\n\n', [event('a')]],
    ['a retry that is no number', 'retry: 1e3\nretry: -5\nretry:\ndata: a\n\n', [event('a')]],
    [
      'fields that do not leak into the next block',
      'event: e\nid: 1\nretry: 2\ndata: a\n\ndata: b\n\n',
      [event('a', { event: 'e', id: '1', retry: 2 }), event('b')],
    ],
    ['a block without its blank line', 'data: a\n\ndata: lost\n', [event('a')]],
    ['text outside of ASCII', 'data: Zürich 東京 🚆\n\n', [event('Zürich 東京 🚆')]],
  ])('reads %s, wherever the chunks are cut', (_title, text, expected) => {
    const bytes = Buffer.from(text);
    expect(parse([bytes])).toEqual(expected);
    expect(parse([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(parse([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
    }
  });

  it('reads the same events from any random chunking of a long stream', () => {
    const expected: SseEvent[] = [];
    let text = '';
    for (let index = 0; index < 300; index += 1) {
      const end = ['\n', '\r\n', '\r'][index % 3] ?? '\n';
      const data = `{"n":${index},"t":"${'é🚆'.repeat(index % 40)}"}`;
      text += `:k${end}id: ${index}${end}data: ${data}${end}data: tail${end}${end}`;
      expected.push(event(`${data}\ntail`, { id: String(index) }));
    }
    const bytes = Buffer.from(text);
    let seed = 12345;
    for (let round = 0; round < 20; round += 1) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length;) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        const size = 1 + (seed % (round < 10 ? 17 : 4000));
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(parse(chunks)).toEqual(expected);
    }
  });

  it('replaces invalid UTF-8 instead of failing', () => {
    expect(parse([Buffer.concat([Buffer.from('data: a'), Buffer.of(0xff, 0xc3), Buffer.from('\n\n')])])).toEqual([
      event('a\ufffd\ufffd'),
    ]);
  });

  it('does not keep the chunks it was given', () => {
    const events: SseEvent[] = [];
    const parser = new SseParser({ eventBytesMax: 1000, onEvent: (one) => events.push(one) });
    const reused = Buffer.alloc(6);
    for (const piece of ['data: ', 'abcdef', 'ghijkl', '\n\n    ']) {
      reused.write(piece);
      parser.push(reused.subarray(0, piece.trimEnd() === '' ? 2 : 6));
    }
    expect(events).toEqual([event('abcdefghijkl')]);
  });

  it('accepts a plain Uint8Array that is a view into a larger buffer', () => {
    const whole = new TextEncoder().encode('xxdata: a\n\nxx');
    expect(parse([new Uint8Array(whole.buffer, 2, 9)])).toEqual([event('a')]);
  });

  it('takes an event of exactly the bound', () => {
    const text = `data: ${'x'.repeat(93)}\n\n`;
    expect(parse([text], 100)).toHaveLength(1);
    expect(
      parse(
        [...Buffer.from(text)].map((byte) => Uint8Array.of(byte)),
        100,
      ),
    ).toHaveLength(1);
  });

  it.each<[string, () => Generator<string>]>([
    [
      'a line without end',
      function* () {
        for (;;) yield 'x'.repeat(64);
      },
    ],
    [
      'a comment without end',
      function* () {
        yield ':';
        for (;;) yield 'x'.repeat(64);
      },
    ],
    [
      'data lines without end',
      function* () {
        for (;;) yield 'data: x\n';
      },
    ],
    [
      'empty data lines without end',
      function* () {
        for (;;) yield 'data\n';
      },
    ],
    [
      'one large chunk',
      function* () {
        yield `data: ${'x'.repeat(2000)}\n\n`;
      },
    ],
  ])('refuses %s', (_title, stream) => {
    const parser = new SseParser({ eventBytesMax: 1000, onEvent: () => undefined });
    let pushed = 0;
    expect(() => {
      for (const piece of stream()) {
        pushed += piece.length;
        if (pushed > 10_000) return;
        parser.push(Buffer.from(piece));
      }
    }).toThrow(SseEventTooLargeError);
  });

  it('counts each event by itself, and comments not at all', () => {
    const text = `: ${'k'.repeat(80)}\ndata: ${'x'.repeat(60)}\n: ${'k'.repeat(20)}\n\n`;
    expect(parse([text.repeat(100)], 100)).toHaveLength(100);
  });

  it('hands on what onEvent throws', () => {
    const parser = new SseParser({
      eventBytesMax: 100,
      onEvent: () => {
        throw new Error('stop');
      },
    });
    expect(() => parser.push(Buffer.from('data: a\n\n'))).toThrow('stop');
  });

  it('reads a large event from many small chunks without slowing down with its size', () => {
    const data = 'y'.repeat(8 * 1024 * 1024);
    const bytes = Buffer.from(`data: ${data}\n\n`);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 1024) chunks.push(bytes.subarray(at, at + 1024));
    const started = performance.now();
    expect(parse(chunks, 16 * 1024 * 1024)[0]?.data.length).toBe(data.length);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
