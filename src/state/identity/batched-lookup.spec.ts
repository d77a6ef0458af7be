import { BatchedLookup, wasOvertaken } from './batched-lookup.js';

interface Asked {
  readonly keys: readonly string[];
  answer(): void;
  fail(): void;
}

/** A store whose answers are given by hand. */
function makeStore(): { asked: Asked[]; load: (keys: readonly string[]) => Promise<ReadonlyMap<string, string>> } {
  const asked: Asked[] = [];
  return {
    asked,
    load: (keys) => {
      const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, string>>();
      asked.push({
        keys,
        answer: () =>
          resolve(new Map(keys.filter((key) => !key.startsWith('no')).map((key) => [key, key.toUpperCase()]))),
        fail: () => reject(new Error('away')),
      });
      return promise;
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a lookup', () => {
  test('asks for many keys at once, and for each key once for all who want it', async () => {
    const { asked, load } = makeStore();
    const lookup = new BatchedLookup(load);
    const found = Promise.all(['a', 'b', 'no', 'a'].map((key) => lookup.find(key)));
    await turn();
    expect(asked.map(({ keys }) => keys)).toEqual([['a', 'b', 'no']]);
    const late = lookup.find('b');
    asked[0]?.answer();
    expect((await found).map(({ value }) => value)).toEqual(['A', 'B', undefined, 'A']);
    expect((await late).value).toBe('B');
    expect(lookup.queries).toBe(1);
  });

  test('never has more queries running than it may, and takes the others in turn', async () => {
    const { asked, load } = makeStore();
    const lookup = new BatchedLookup(load, { batchMax: 2, queriesMax: 2 });
    const found = Promise.all(Array.from({ length: 6 }, (_unused, index) => lookup.find(`k${index}`)));
    await turn();
    expect(asked).toHaveLength(2);
    asked[0]?.answer();
    await turn();
    expect(asked).toHaveLength(3);
    asked[1]?.answer();
    asked[2]?.answer();
    expect(await found).toHaveLength(6);
  });

  test('refuses at once when too many wait, and gives up when nothing comes', async () => {
    const { asked, load } = makeStore();
    const lookup = new BatchedLookup(load, { queriesMax: 1, waitingMax: 1, waitMsMax: 50 });
    const first = lookup.find('a');
    await turn();
    const second = lookup.find('b');
    await expect(lookup.find('c')).rejects.toMatchObject({ code: 'http/too_many' });
    await expect(first).rejects.toMatchObject({ code: 'database/unavailable' });
    await expect(second).rejects.toMatchObject({ code: 'database/unavailable' });
    expect(asked).toHaveLength(1);
  });

  test('tells everybody of a failure, and asks again for the next', async () => {
    const { asked, load } = makeStore();
    const lookup = new BatchedLookup(load);
    const failed = [lookup.find('a'), lookup.find('b')];
    await turn();
    asked[0]?.fail();
    for (const one of failed) await expect(one).rejects.toThrow('away');
    const again = lookup.find('a');
    await turn();
    asked[1]?.answer();
    expect((await again).value).toBe('A');
  });

  test('knows what changed while it read', async () => {
    const { asked, load } = makeStore();
    const lookup = new BatchedLookup(load);
    lookup.noteChanged('team:before');
    const reading = lookup.find('a');
    await turn();
    lookup.noteChanged('team:t');
    asked[0]?.answer();
    const looked = await reading;
    expect(wasOvertaken(looked, ['team:t', 'key:k'])).toBe(true);
    expect(wasOvertaken(looked, ['team:before', 'key:k'])).toBe(false);
    expect(wasOvertaken(looked, undefined)).toBe(true);
  });

  test('takes everything for changed when changes may have been missed', async () => {
    const { asked, load } = makeStore();
    const lookup = new BatchedLookup(load);
    const reading = lookup.find('a');
    await turn();
    lookup.noteChangedAll();
    asked[0]?.answer();
    expect(wasOvertaken(await reading, ['key:k'])).toBe(true);
  });
});
