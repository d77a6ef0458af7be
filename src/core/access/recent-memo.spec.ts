import { RecentMemo } from './recent-memo.js';

describe('a memo of recent values', () => {
  it('forgets what is old, keeps what is new, and holds at most twice its weight', () => {
    const memo = new RecentMemo<number>(10);
    for (let index = 0; index < 1_000; index += 1) expect(memo.set(String(index), index, 1)).toBe(index);
    const held = Array.from({ length: 1_000 }, (_unused, index) => memo.get(String(index))).filter(
      (value) => value !== undefined,
    );
    expect(held.length).toBeLessThanOrEqual(20);
    expect(held).toContain(999);
    expect(held).not.toContain(0);
  });

  it('takes a value that is heavier than it may hold, alone', () => {
    const memo = new RecentMemo<string>(10);
    memo.set('small', 'a', 1);
    memo.set('huge', 'b', 1_000);
    expect(memo.get('huge')).toBe('b');
    memo.set('next', 'c', 1);
    memo.set('after', 'd', 10);
    expect(memo.get('huge')).toBeUndefined();
  });
});
