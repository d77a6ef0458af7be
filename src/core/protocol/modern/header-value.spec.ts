import { decodeHeaderValue, encodeHeaderValue } from './header-value.js';

describe('a mirrored header value (2026-07-28, "Value Encoding")', () => {
  test.each([
    ['=?base64?SGVsbG8=?=', 'Hello'],
    ['SGVsbG8=', 'SGVsbG8='],
    ['=?base64?SGVsbG8=', '=?base64?SGVsbG8='],
    ['SGVsbG8=?=', 'SGVsbG8=?='],
    ['  weather \t', 'weather'],
    ['=?base64?w6TDtsO8?=', 'äöü'],
    ['=?base64??=', ''],
    ['=?base64?=', '=?base64?='],
  ])('%s says %s', (header, said) => {
    expect(decodeHeaderValue(header)).toBe(said);
  });

  test.each(['=?base64?SGVsbG8?=', '=?base64?SGVs!!!bG8=?=', '=?base64?/w==?=', '=?base64?SGVsbG8-?='])(
    '%s says nothing',
    (header) => {
      expect(decodeHeaderValue(header)).toBeUndefined();
    },
  );

  test.each(['plain', 'a b', ' padded ', '', 'ünï', '=?base64?x?=', 'line\nbreak', 'tab\t', '漢字', '\u{1F600}'])(
    '%j reads back as it was written, as a header that HTTP allows',
    (value) => {
      const header = encodeHeaderValue(value);
      expect(header).toMatch(/^[\x20-\x7e]+$/);
      expect(decodeHeaderValue(header)).toBe(value);
    },
  );

  test('what is plain stays readable for those in between', () => {
    expect(encodeHeaderValue('weather-get_forecast')).toBe('weather-get_forecast');
  });
});
