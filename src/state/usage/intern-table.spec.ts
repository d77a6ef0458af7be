import { InternTable } from './intern-table.js';

describe('InternTable', () => {
  it('gives equal texts back as they are', () => {
    const table = new InternTable(10, 20);
    for (const text of ['create_issue', '', 'Größe 世界 🌍', "'; --"]) {
      expect(table.intern(text)).toBe(text);
      expect(table.intern(text)).toBe(text);
    }
    expect(table.size).toBe(4);
  });

  it('never holds more than its bound, nor anything over-long', () => {
    const table = new InternTable(10, 20);
    for (let index = 0; index < 1_000; index++) {
      table.intern(`name-${index}`);
      expect(table.size).toBeLessThanOrEqual(10);
    }
    const size = table.size;
    expect(table.intern('x'.repeat(1_000_000))).toBe('x'.repeat(20));
    expect(table.size).toBe(size);
  });

  it('lets no control character through, whichever part of a text it is in', () => {
    const table = new InternTable(10, 20);
    expect(table.intern('a\u0000\u001e\u001f\u007f\u0085b')).toBe('a\ufffd\ufffd\ufffd\ufffd\ufffdb');
    expect(table.intern('a\u0000\u001e\u001f\u007f\u0085b')).toBe('a\ufffd\ufffd\ufffd\ufffd\ufffdb');
  });
});
