import type { CredentialHeaders } from './credential-source.js';
import { TokenKeeper } from './token-keeper.js';

const MINUTE = 60_000;

/** A keeper over a clock of the test and a provider that counts. */
function keeper(lifetimeMs: number | undefined): {
  readonly kept: TokenKeeper;
  readonly asked: (CredentialHeaders | undefined)[];
  /** Time passes. */
  pass(ms: number): void;
  fail(error: Error | undefined): void;
} {
  let [now, count] = [0, 0];
  let failure: Error | undefined;
  const asked: (CredentialHeaders | undefined)[] = [];
  const fetch = (useless: CredentialHeaders | undefined) => {
    asked.push(useless);
    if (failure !== undefined) return Promise.reject(failure);
    return Promise.resolve({ headers: { authorization: `Bearer ${(count += 1)}` }, lifetimeMs });
  };
  return {
    kept: new TokenKeeper({ now: () => now, fetch }),
    asked,
    pass: (ms) => void (now += ms),
    fail: (error) => void (failure = error),
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a kept token (contract §11)', () => {
  it.each([
    ['a minute before its end', 3_600_000, 3_600_000 - MINUTE],
    ['at least ten seconds', 30_000, 10_000],
    ['an hour when nobody says how long', undefined, 3_600_000],
  ])('is used until %s', async (_title, lifetimeMs, usedMs) => {
    const { kept, asked, pass } = keeper(lifetimeMs);
    await kept.headers();
    pass(usedMs - 1);
    expect(kept.headers()).toEqual({ authorization: 'Bearer 1' });
    await settled();
    // By then the next one was got behind the call.
    expect(asked).toHaveLength(2);
    expect(kept.headers()).toEqual({ authorization: 'Bearer 2' });
    pass(usedMs);
    await expect(kept.headers()).resolves.toEqual({ authorization: 'Bearer 3' });
  });

  it('is asked for once, however many wait, and is the same object as long as it lasts', async () => {
    const { kept, asked } = keeper(3_600_000);
    const all = await Promise.all([kept.headers(), kept.headers(), kept.headers()]);
    expect(asked).toHaveLength(1);
    expect(new Set([...all, kept.headers()]).size).toBe(1);
  });

  it('that is not renewed in time serves to its real end, then the reason is told', async () => {
    const { kept, pass, fail } = keeper(3_600_000);
    await kept.headers();
    fail(new Error('away'));
    pass(3_600_000 - MINUTE + 1);
    await expect(kept.headers()).resolves.toEqual({ authorization: 'Bearer 1' });
    pass(MINUTE);
    await expect(kept.headers()).rejects.toThrow('away');
  });

  it('is not asked for again within a second of a failure', async () => {
    const { kept, asked, pass, fail } = keeper(undefined);
    fail(new Error('no'));
    await expect(kept.headers()).rejects.toThrow('no');
    await expect(kept.headers()).rejects.toThrow('no');
    expect(asked).toHaveLength(1);
    fail(undefined);
    pass(1_000);
    await expect(kept.headers()).resolves.toEqual({ authorization: 'Bearer 1' });
  });
});

describe('a refused token', () => {
  const refusal = { status: 401, wwwAuthenticate: undefined };

  it('is replaced once for all who sent it; who sent an older one just tries again', async () => {
    const { kept, asked } = keeper(3_600_000);
    const first = await kept.headers();
    await expect(Promise.all([kept.refused(first, refusal), kept.refused(first, refusal)])).resolves.toEqual([
      true,
      true,
    ]);
    expect(asked).toEqual([undefined, first]);
    await expect(kept.refused(first, refusal)).resolves.toBe(true);
    expect(asked).toHaveLength(2);
  });

  it('is replaced three times within ten seconds, then not for a while: it is not for its age', async () => {
    const { kept, asked, pass } = keeper(3_600_000);
    for (const isReplaced of [true, true, true, false, false]) {
      await expect(kept.refused(await kept.headers(), refusal)).resolves.toBe(isReplaced);
    }
    expect(asked).toHaveLength(4);
    pass(10_000);
    await expect(kept.refused(await kept.headers(), refusal)).resolves.toBe(true);
  });

  it('for want of scope is not replaced: another one has the same', async () => {
    const { kept, asked } = keeper(3_600_000);
    const wanting = { status: 403, wwwAuthenticate: 'Bearer error="insufficient_scope"' };
    await expect(kept.refused(await kept.headers(), wanting)).resolves.toBe(false);
    expect(asked).toHaveLength(1);
  });
});
