import { budgetRefusal } from './budget-rules.js';
import { givenFields, mergeSettings, presentSettings, writtenField } from './given-fields.js';
import { emailAddress, ownerId, toEmail } from './owner-checks.js';
import { membersOf, TeamUpdateDefinition, toMembers } from './team.definition.js';
import { endOf, parseMoment } from './time-range.js';
import { usageRange } from './usage-query.definition.js';
import { validateDefinition } from './validate-definition.js';

describe('what an update names', () => {
  test('is told apart: a value, null, and what is left out; what nobody knows is left out too', () => {
    const raw = { team_id: 't', team_alias: null, max_budget: '5', nonsense: 1 };
    const { value } = validateDefinition(TeamUpdateDefinition, raw);
    expect(givenFields(TeamUpdateDefinition, value, raw)).toEqual({ team_id: 't', team_alias: null, max_budget: 5 });
    expect(givenFields(TeamUpdateDefinition, new TeamUpdateDefinition(), undefined)).toEqual({});
  });

  test('replaces settings, null removes them, the rest stays', () => {
    const merged = mergeSettings({ a: 1, b: 2, c: 3 }, { a: null, b: { x: 1 }, other: 9 }, ['a', 'b', 'other2']);
    expect(merged).toEqual({ b: { x: 1 }, c: 3 });
    expect(mergeSettings(null, { a: false }, ['a'])).toEqual({ a: false });
    expect(presentSettings({ a: 0, z: 1 }, ['a', 'b'])).toEqual({ a: 0, b: null });
  });

  test('is read from what was written itself, never from its prototype', () => {
    expect(writtenField({ a: null }, 'a')).toBeNull();
    expect(writtenField({}, 'constructor')).toBeUndefined();
    expect(writtenField('text', 'length')).toBeUndefined();
  });
});

test.each([
  [{}, undefined],
  [{ max_budget: 0 }, undefined],
  [{ max_budget: 2, soft_budget: 1.9 }, undefined],
  [{ soft_budget: 5 }, undefined],
  [{ max_budget: null, soft_budget: 5 }, undefined],
  [{ max_budget: -1 }, 'max_budget cannot be negative'],
  [{ soft_budget: -1 }, 'soft_budget cannot be negative'],
  [{ max_budget: 2, soft_budget: 2 }, 'soft_budget (2) must be strictly lower than max_budget (2)'],
])('the budgets %j: %s', (state, refusal) => {
  expect(budgetRefusal(state)).toBe(refusal);
});

describe('people and ids', () => {
  test.each(['a', 'team of my own', 'ann@example.com', 'ö'.repeat(255)])('%s is an id', (id) => {
    expect(ownerId(id)).toEqual([]);
  });

  test.each(['', '  ', 'a\nb', 'a\0', 'x'.repeat(256), '\ud800', 7, null])('%j is none', (id) => {
    expect(ownerId(id)).toHaveLength(1);
  });

  test('addresses are folded, and only looked at', () => {
    expect(toEmail(' Ann@Example.COM ')).toBe('ann@example.com');
    expect(emailAddress('ann@example.com')).toEqual([]);
    for (const none of ['ann', 'a@b@c', 'a b@c', '@', `${'x'.repeat(250)}@example.com`]) {
      expect(emailAddress(none)).toHaveLength(1);
    }
  });

  test('members are one or several, by id or address, with a role', () => {
    const read = toMembers('user');
    const check = membersOf(['admin', 'user']);
    expect(read({ user_id: 'a', user_email: null, extra: 1 })).toEqual([{ user_id: 'a', role: 'user' }]);
    expect(read([{ user_email: 'A@b' }])).toEqual([{ user_email: 'a@b', role: 'user' }]);
    expect(check(read([{ user_id: 'a', role: 'admin' }, { user_email: 'a@b' }]))).toEqual([]);
    expect(check(read([{ role: 'user' }, { user_id: 'a', role: 'king' }, 'text']))).toEqual([
      { at: [0], message: expect.stringContaining('user_id or user_email') as string },
      { at: [1, 'role'], message: expect.stringContaining('must be one of') as string },
      { at: [2], message: expect.stringContaining('mapping') as string },
    ]);
    expect(check(Array.from({ length: 1_001 }, () => ({ user_id: 'a', role: 'user' })))).toHaveLength(1);
  });
});

describe('moments and ranges', () => {
  test('a day ends with itself, a moment where it is; without an offset they are UTC', () => {
    expect(parseMoment('2026-01-31')?.toISOString()).toBe('2026-01-31T00:00:00.000Z');
    expect(parseMoment('2026-01-31 12:00')?.toISOString()).toBe('2026-01-31T12:00:00.000Z');
    expect(parseMoment('2026-01-31T12:00:00+02:00')?.toISOString()).toBe('2026-01-31T10:00:00.000Z');
    expect(endOf('2026-01-31')?.toISOString()).toBe('2026-02-01T00:00:00.000Z');
    expect(endOf('2026-01-31T12:00:00Z')?.toISOString()).toBe('2026-01-31T12:00:00.000Z');
    for (const none of ['2026-13-01', 'yesterday', '2026-01-31T25:00', '1']) expect(parseMoment(none)).toBeUndefined();
  });

  test('a question about usage spans thirty days unless it says otherwise, and never more than ninety-three', () => {
    const now = new Date('2026-05-31T12:00:00Z');
    expect(usageRange({}, now)?.from.toISOString()).toBe('2026-05-01T12:00:00.000Z');
    expect(usageRange({ end_date: '2026-03-31' }, now)?.from.toISOString()).toBe('2026-03-02T00:00:00.000Z');
    expect(usageRange({ start_date: '2026-05-01', end_date: '2026-05-01' }, now)?.to.toISOString()).toBe(
      '2026-05-02T00:00:00.000Z',
    );
    expect(usageRange({ start_date: '2026-01-01', end_date: '2026-05-01' }, now)).toBeUndefined();
    expect(usageRange({ start_date: '2026-05-02', end_date: '2026-05-01' }, now)).toBeUndefined();
  });
});
