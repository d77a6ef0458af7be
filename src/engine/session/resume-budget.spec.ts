import { ResumeBuffer } from './resume-buffer.js';
import { ResumeBudget } from './resume-budget.js';

const BOUNDS = { charsMax: 100, ageMs: 60_000 };

describe('what a process keeps for clients that come back', () => {
  it('is bounded over all sessions: who has kept something the longest forgets first', () => {
    const budget = new ResumeBudget(150);
    const [first, second] = [new ResumeBuffer('t', BOUNDS, budget), new ResumeBuffer('t', BOUNDS, budget)];
    const [one, two] = [first.openSession(), second.openSession()];
    for (let round = 0; round < 10; round += 1) void one.write('x'.repeat(10));
    for (let round = 0; round < 10; round += 1) void two.write('x'.repeat(10));
    expect(budget.chars).toBe(150);
    expect([first.chars, second.chars]).toEqual([50, 100]);
  });

  it('is accounted for to the last character, however it is forgotten', () => {
    const budget = new ResumeBudget(1_000_000);
    const buffer = new ResumeBuffer('t', BOUNDS, budget);
    const streams = Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0 ? buffer.openSession() : buffer.openCall(String(index)),
    );
    for (const stream of streams) void stream.write('x'.repeat(7));
    for (const stream of streams) if (Math.random() < 0.5) stream.end();
    for (const stream of streams) void stream.write('x'.repeat(3));
    expect(budget.chars).toBe(buffer.chars);
    expect(buffer.chars).toBeLessThanOrEqual(100);
    buffer.sweep(Date.now() + 120_000);
    expect([buffer.chars, budget.chars]).toEqual([0, 0]);
    void buffer.openSession().write('more');
    buffer.end();
    expect([buffer.chars, budget.chars]).toEqual([0, 0]);
  });
});
