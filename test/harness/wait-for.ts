import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** Named in the error when it does not come true. */
  readonly what?: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Asks again and again until the answer is truthy, and gives it. A probe that throws counts as "not yet". */
export async function waitFor<T>(
  probe: () => T | Promise<T>,
  { what = 'the condition', timeoutMs = 10_000, everyMs = 15 }: WaitOptions = {},
): Promise<Exclude<Awaited<T>, undefined | null | false | '' | 0>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer) return answer as Exclude<Awaited<T>, undefined | null | false | '' | 0>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause: lastError });
    }
    await delay(everyMs);
  }
}
