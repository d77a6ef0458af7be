import { GatewayError } from '../../core/errors/gateway-error.js';
import { ListSlot } from './list-slot.js';
import { ServerList } from './server-list.js';

function setUp() {
  const state = { now: 0, changes: 0, fetches: 0, answers: [] as (ServerList | GatewayError)[] };
  const slot = new ListSlot(
    () => {
      state.fetches += 1;
      const answer = state.answers.shift();
      if (answer === undefined) return Promise.reject(new GatewayError('upstream/unreachable'));
      return answer instanceof ServerList ? Promise.resolve(answer) : Promise.reject(answer);
    },
    () => {
      state.changes += 1;
    },
    { freshMs: 1_000, now: () => state.now },
  );
  return { state, slot };
}

const listOf = (...names: string[]): ServerList =>
  new ServerList(
    names.map((name) => ({ identity: name, text: JSON.stringify({ name }), repeatable: false })),
    'p',
    '-',
  );
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ListSlot', () => {
  it('fetches once for everybody who asks at the same time', async () => {
    const { state, slot } = setUp();
    state.answers.push(listOf('a'));
    const [first, second] = await Promise.all([slot.load(), slot.load()]);
    expect(first).toBe(second);
    expect(state.fetches).toBe(1);
  });

  it('serves a stale list at once while it is refreshed behind the answer, and tells only of real changes', async () => {
    const { state, slot } = setUp();
    state.answers.push(listOf('a'), listOf('a'), listOf('a', 'b'));
    const original = await slot.load();
    state.now = 1_500;
    expect(slot.peek()).toMatchObject({ kind: 'list', list: original });
    await settle();
    expect([state.fetches, state.changes]).toEqual([2, 0]);
    expect(slot.peek()).toMatchObject({ kind: 'list', list: original });
    state.now = 3_000;
    slot.peek();
    await settle();
    expect(state.changes).toBe(1);
    expect(slot.peek()).not.toMatchObject({ list: original });
  });

  it('remembers a failure so that the next asker does not wait, and retries with back-off', async () => {
    const { state, slot } = setUp();
    await expect(slot.load()).rejects.toThrow(GatewayError);
    expect(slot.peek()).toMatchObject({ kind: 'failed', mayRetry: false });
    state.now = 1_000;
    expect(slot.peek()).toMatchObject({ kind: 'failed', mayRetry: true });
    slot.retryQuietly();
    await settle();
    state.now = 2_500;
    expect(slot.peek()).toMatchObject({ kind: 'failed', mayRetry: false });
    state.now = 3_100;
    state.answers.push(listOf('a'));
    slot.retryQuietly();
    await settle();
    expect(slot.peek().kind).toBe('list');
    expect(state.changes).toBe(1);
  });

  it('keeps serving what it has when a refresh fails, says so, and gives up when that is too old', async () => {
    const { state, slot } = setUp();
    state.answers.push(listOf('a'));
    await slot.load();
    state.now = 2_000;
    slot.peek();
    await settle();
    expect(slot.peek()).toMatchObject({ kind: 'list', failure: { code: 'upstream/unreachable' } });
    state.now = 10_001;
    expect(slot.peek()).toMatchObject({ kind: 'failed' });
  });

  it('forgets everything when the upstream says its list changed, a fetch under way included', async () => {
    const { state, slot } = setUp();
    state.answers.push(listOf('old'), listOf('new'));
    const before = slot.load();
    slot.invalidate();
    expect((await before).find('new')).toBeDefined();
    const now = slot.peek();
    expect(now.kind === 'list' && now.list.find('new')).toBeTruthy();
    expect(state.changes).toBeGreaterThan(0);
  });
});
