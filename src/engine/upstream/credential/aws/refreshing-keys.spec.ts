import { Secret } from '../../../../core/model/secret.js';
import { AwsKeysError, type AwsKeys } from './aws-keys.js';
import { RefreshingKeys } from './refreshing-keys.js';

const MINUTE = 60_000;

/** Keys that last so long, and a clock that is set by hand. */
function place(lastMs: number | undefined) {
  let now = 1_000_000_000_000;
  let fetched = 0;
  let failure: Error | undefined;
  const keys = new RefreshingKeys(
    async () => {
      fetched += 1;
      if (failure !== undefined) throw failure;
      return Promise.resolve<AwsKeys>({
        accessKeyId: `AK${fetched}`,
        secretAccessKey: new Secret('secret'),
        sessionToken: undefined,
        expiresAt: lastMs === undefined ? undefined : now + lastMs,
      });
    },
    () => now,
  );
  return {
    keys,
    fetched: () => fetched,
    pass: (ms: number) => void (now += ms),
    fail: (error: Error | undefined) => void (failure = error),
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

test('all who wait for the first keys share one fetch, and later ones get them at once', async () => {
  const { keys, fetched } = place(60 * MINUTE);
  expect(keys.current()).toBeUndefined();
  const got = await Promise.all(Array.from({ length: 50 }, () => keys.get()));
  expect(new Set(got.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['AK1']));
  expect(fetched()).toBe(1);
  expect(keys.current()?.accessKeyId).toBe('AK1');
});

test('keys that end soon are replaced in the background, and keys that are about to end are not used', async () => {
  const { keys, fetched, pass, settle, fail } = place(60 * MINUTE);
  await keys.get();
  pass(56 * MINUTE);
  expect(keys.current()?.accessKeyId).toBe('AK1');
  expect(keys.current()?.accessKeyId).toBe('AK1');
  await settle();
  expect(fetched()).toBe(2);
  expect(keys.current()?.accessKeyId).toBe('AK2');
  // While they cannot be replaced they go on serving, to the end and no longer.
  fail(new AwsKeysError('away'));
  pass(58 * MINUTE);
  expect(keys.current()?.accessKeyId).toBe('AK2');
  await settle();
  pass(2 * MINUTE);
  expect(keys.current()).toBeUndefined();
  await expect(keys.get()).rejects.toThrow('away');
});

test('a failure is told to all who ask in the next seconds without asking again', async () => {
  const { keys, fetched, pass, fail } = place(60 * MINUTE);
  fail(new AwsKeysError('no credentials'));
  await expect(keys.get()).rejects.toThrow('no credentials');
  await expect(keys.get()).rejects.toThrow('no credentials');
  expect(fetched()).toBe(1);
  fail(undefined);
  pass(6_000);
  expect((await keys.get()).accessKeyId).toBe('AK2');
});

test('keys that were taken away are fetched again, but not for every refusal', async () => {
  const { keys, pass } = place(60 * MINUTE);
  await keys.get();
  expect(keys.refused('AK1')).toBe(false);
  pass(2 * MINUTE);
  expect(keys.refused('AK1')).toBe(true);
  expect((await keys.get()).accessKeyId).toBe('AK2');
  // A late refusal of the former keys does not take the new ones away.
  pass(2 * MINUTE);
  expect(keys.refused('AK1')).toBe(true);
  expect(keys.current()?.accessKeyId).toBe('AK2');
});

test('keys without an end are read again now and then: files change', async () => {
  const { keys, pass, settle } = place(undefined);
  await keys.get();
  pass(6 * MINUTE);
  expect(keys.current()?.accessKeyId).toBe('AK1');
  await settle();
  expect(keys.current()?.accessKeyId).toBe('AK2');
});

test('keys that have ended already are no keys', async () => {
  await expect(place(1_000).keys.get()).rejects.toThrow('have ended');
});
