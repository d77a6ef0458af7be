import { LineSplitter } from './stdio-lines.js';

interface Seen {
  readonly lines: string[];
  readonly oversize: [head: string, tail: string | undefined][];
  endless: number;
}

function split(chunks: readonly (string | Uint8Array)[], lineBytesMax = 1_000, endBytes = 4): Seen {
  const seen: Seen = { lines: [], oversize: [], endless: 0 };
  const splitter = new LineSplitter({
    lineBytesMax,
    endBytes,
    onLine: (line) => seen.lines.push(line),
    onOversize: (head, tail) => seen.oversize.push([head, tail]),
    onEndless: () => {
      seen.endless += 1;
    },
  });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return seen;
}

describe('LineSplitter', () => {
  it.each<[string, string, string[]]>([
    ['newlines', 'one\ntwo\n', ['one', 'two']],
    ['CRLF', 'one\r\ntwo\r\n', ['one', 'two']],
    ['empty lines', '\n\r\none\n\n', ['', '', 'one', '']],
    ['a last line without newline', 'one\ntwo', ['one', 'two']],
    ['text outside of ASCII', 'Zürich\n東京 🚆\n', ['Zürich', '東京 🚆']],
    ['a carriage return inside', 'a\rb\n', ['a\rb']],
  ])('finds %s, wherever the chunks are cut', (_title, text, expected) => {
    const bytes = Buffer.from(text);
    expect(split([bytes]).lines).toEqual(expected);
    expect(split([...bytes].map((byte) => Uint8Array.of(byte))).lines).toEqual(expected);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(split([bytes.subarray(0, cut), bytes.subarray(cut)]).lines).toEqual(expected);
    }
  });

  it('passes over a line beyond the bound, tells its two ends, and goes on behind it', () => {
    const text = `ok\nabcd${'x'.repeat(50)}wxyz\nafter\n`;
    for (const size of [1, 3, 7, 1_000]) {
      const chunks: string[] = [];
      for (let at = 0; at < text.length; at += size) chunks.push(text.slice(at, at + size));
      const seen = split(chunks, 20);
      expect(seen.lines).toEqual(['ok', 'after']);
      expect(seen.oversize).toEqual([
        ['abcd', undefined],
        ['abcd', 'wxyz'],
      ]);
    }
  });

  it('takes a line of exactly the bound', () => {
    expect(split([`${'x'.repeat(20)}\n`], 20).lines).toEqual(['x'.repeat(20)]);
  });

  it('says once that a line does not end', () => {
    expect(
      split(
        Array.from({ length: 100 }, () => 'x'.repeat(10)),
        20,
      ).endless,
    ).toBe(1);
  });
});
