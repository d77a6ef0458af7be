import { makePrincipal } from '../../../test/factory/make-principal.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ObjectPermission } from '../../core/model/permission.js';
import { Identity, type IdentityHolder, type Refused, type Resolved } from './identity.js';
import { IdentityCache } from './identity-cache.js';
import type { RefusalReason } from './refusal.js';

let cache: IdentityCache;
let lagMs = 0;

beforeEach(() => {
  lagMs = 0;
  cache = new IdentityCache({ identitiesMax: 10, staleMs: 60_000, changesLagMs: () => lagMs });
});

afterEach(() => cache.close());

function good(id: string, permission: ObjectPermission = {}, overrides: Partial<Resolved> = {}): Resolved {
  return {
    kind: 'principal',
    principal: makePrincipal({ key: permission }, { id: `key:${id}`, keyId: id }),
    subjects: [`key:${id}`, 'team:t'],
    readAt: performance.now(),
    isOvertaken: false,
    ...overrides,
  };
}

function bad(id: string, reason: RefusalReason = 'key_blocked'): Refused {
  return { kind: 'refused', reason, subjects: [`key:${id}`], readAt: performance.now(), isOvertaken: false };
}

/** Answers what is in `rows` at the moment it is asked. */
function reader(rows: { now: Resolved | Refused | Error }): {
  resolve: () => Promise<Resolved | Refused>;
  reads: number;
} {
  const made = {
    reads: 0,
    resolve: () => {
      made.reads += 1;
      return rows.now instanceof Error ? Promise.reject(rows.now) : Promise.resolve(rows.now);
    },
  };
  return made;
}

async function identityOf(key: string, resolve: () => Promise<Resolved | Refused>): Promise<Identity> {
  const loaded = await cache.load(key, resolve, resolve);
  if (!(loaded instanceof Identity)) throw new Error(`refused: ${loaded}`);
  return loaded;
}

function makeHolder(): IdentityHolder & { heard: string[] } {
  const heard: string[] = [];
  return { heard, onRefused: (reason) => void heard.push(reason), onChanged: () => void heard.push('changed') };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const AWAY = new GatewayError('database/unavailable');

describe('an identity', () => {
  test('is answered from memory at once, and read once for all who ask for it cold', async () => {
    const read = reader({ now: good('a') });
    expect(cache.find('a')).toBeUndefined();
    await Promise.all([identityOf('a', read.resolve), identityOf('a', read.resolve)]);
    expect(cache.find('a')).toBeInstanceOf(Identity);
    expect(read.reads).toBe(1);
  });

  test('that nobody holds is forgotten when a row behind it changes, others are not', async () => {
    await identityOf('a', reader({ now: good('a') }).resolve);
    await identityOf('b', reader({ now: good('b', {}, { subjects: ['key:b'] }) }).resolve);
    cache.changed(new Set(['team:t']));
    expect(cache.find('a')).toBeUndefined();
    expect(cache.find('b')).toBeInstanceOf(Identity);
    cache.changedAll();
    expect(cache.find('b')).toBeUndefined();
  });

  test('that somebody holds is read again at once: they hear of other rights, not of the same', async () => {
    const rows = { now: good('a', { servers: ['wiki'] }) as Resolved | Refused };
    const identity = await identityOf('a', reader(rows).resolve);
    const holder = makeHolder();
    expect(identity.hold(holder)).toBeDefined();
    cache.changed(new Set(['key:a']));
    expect(cache.find('a')).toBeUndefined();
    await turn();
    expect(holder.heard).toEqual([]);
    rows.now = good('a', { servers: [] });
    cache.changed(new Set(['key:a']));
    await turn();
    expect(holder.heard).toEqual(['changed']);
    expect(identity.principal.grants.levels[0]?.permission.servers).toEqual([]);
    rows.now = bad('a');
    cache.changed(new Set(['team:t']));
    await turn();
    expect(holder.heard).toEqual(['changed', 'key_blocked']);
    expect(cache.find('a')).toBe('key_blocked');
    expect(identity.hold(holder)).toBeUndefined();
  });

  test('whose rows changed and cannot be read ends: nobody goes on as before', async () => {
    const rows = { now: good('a') as Resolved | Refused | Error };
    const { resolve } = reader(rows);
    const identity = await identityOf('a', resolve);
    const holder = makeHolder();
    identity.hold(holder);
    rows.now = AWAY;
    cache.changed(new Set(['key:a']));
    await turn();
    expect(holder.heard).toEqual(['unverified']);
    await expect(cache.load('a', resolve, resolve)).rejects.toBe(AWAY);
  });

  test('too old to be believed is read again first, unless it is certain that no change was missed', async () => {
    const rows = { now: good('a', {}, { readAt: performance.now() - 20_000 }) as Resolved | Refused | Error };
    const { resolve } = reader(rows);
    await identityOf('a', resolve);
    expect(cache.find('a')).toBeInstanceOf(Identity);
    await turn();
    lagMs = 15_000;
    rows.now = good('a');
    expect(cache.find('a')).toBeUndefined();
    expect(await cache.load('a', resolve, resolve)).toBeInstanceOf(Identity);
    expect(cache.find('a')).toBeInstanceOf(Identity);
  });

  test.each([
    ['a while', 20_000, true],
    ['no longer than that', 61_000, false],
  ])('that cannot be read is good for %s, and nobody waits for it twice', async (_what, age, isGood) => {
    const rows = { now: good('a', {}, { readAt: performance.now() - age }) as Resolved | Refused | Error };
    const { resolve } = reader(rows);
    await identityOf('a', resolve);
    lagMs = age;
    rows.now = AWAY;
    const answer = cache.load('a', resolve, resolve);
    if (isGood) expect(await answer).toBeInstanceOf(Identity);
    else await expect(answer).rejects.toBe(AWAY);
    expect(cache.find('a') instanceof Identity).toBe(isGood);
  });

  test('that was overtaken by a change while it was read is read again', async () => {
    const answers = [good('a', { servers: ['old'] }, { isOvertaken: true }), good('a', { servers: ['new'] })];
    const identity = await identityOf('a', () => Promise.resolve(answers.shift() ?? good('a')));
    expect(identity.principal.grants.levels[0]?.permission.servers).toEqual(['new']);
  });

  test('makes room for others when it is not used, but not while it is held', async () => {
    const held = await identityOf('held', reader({ now: good('held') }).resolve);
    held.hold(makeHolder());
    for (let index = 0; index < 30; index += 1)
      await identityOf(`k${index}`, reader({ now: good(`k${index}`) }).resolve);
    expect(cache.size).toBeLessThanOrEqual(11);
    expect(cache.find('held')).toBe(held);
  });
});

describe('a refusal', () => {
  test('is remembered until something changes behind it', async () => {
    const blocked = reader({ now: bad('a') }).resolve;
    const unknown = reader({ now: { ...bad('b', 'unknown_key'), subjects: [] } }).resolve;
    await cache.load('a', blocked, blocked);
    await cache.load('b', unknown, unknown);
    expect([cache.find('a'), cache.find('b')]).toEqual(['key_blocked', 'unknown_key']);
    cache.changed(new Set(['key:other']));
    expect([cache.find('a'), cache.find('b')]).toEqual(['key_blocked', undefined]);
    cache.changed(new Set(['key:a']));
    expect(cache.find('a')).toBeUndefined();
  });
});
