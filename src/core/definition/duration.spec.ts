import { durationText, endOfDuration, parseDuration } from './duration.js';

describe('a duration', () => {
  test.each([
    ['30s', '2026-01-31T10:00:30.000Z'],
    ['30m', '2026-01-31T10:30:00.000Z'],
    ['30h', '2026-02-01T16:00:00.000Z'],
    ['30d', '2026-03-02T10:00:00.000Z'],
    ['1w', '2026-02-07T10:00:00.000Z'],
    ['1mo', '2026-02-28T10:00:00.000Z'],
    ['2mo', '2026-03-31T10:00:00.000Z'],
    ['13mo', '2027-02-28T10:00:00.000Z'],
  ])('of %s ends where the calendar says', (text, end) => {
    const duration = parseDuration(text);
    expect(duration).toBeDefined();
    if (duration !== undefined)
      expect(endOfDuration(new Date('2026-01-31T10:00:00Z'), duration).toISOString()).toBe(end);
    expect(durationText(text)).toEqual([]);
  });

  test.each([
    '',
    '0s',
    '-1d',
    '1',
    'd',
    '1y',
    '1.5h',
    '30 d',
    '1M',
    '99999999999s',
    '5000mo',
    '900000d',
    '1d1h',
    30,
    null,
  ])('is not %p', (value) => {
    expect(durationText(value)).toHaveLength(1);
    if (typeof value === 'string') expect(parseDuration(value)).toBeUndefined();
  });
});
