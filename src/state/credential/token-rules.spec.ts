import { tokenRefusal } from './token-rules.js';

const claims = { team: { id: 'T1' }, groups: ['a', 'b'], 'https://example.com/x': 1, plan: null };
const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;

test.each<[unknown]>([
  [undefined],
  [{}],
  [{ 'team.id': 'T1' }],
  [{ 'team.id': ['T0', 'T1'], groups: 'b' }],
  [{ 'https://example.com/x': 1 }],
])('%j takes a token with these claims', (rules) => {
  expect(tokenRefusal(rules, token)).toBeUndefined();
});

test.each<[unknown, string]>([
  [{ 'team.id': 'T2' }, 'team.id'],
  [{ 'team.name': 'x' }, 'team.name'],
  [{ groups: ['c'] }, 'groups'],
  [{ 'https://example.com/x': '1' }, 'https://example.com/x'],
  [{ __proto__: 1, constructor: 'x' }, 'constructor'],
  [['team.id'], 'not a mapping'],
])('%j refuses it', (rules, named) => {
  expect(tokenRefusal(rules, token)).toContain(named);
});

test('a token without readable claims passes no rule', () => {
  for (const opaque of ['opaque', 'a.b', 'a.!!.c', 'a.b.c.d'])
    expect(tokenRefusal({ a: 1 }, opaque)).toContain('not a JWT');
});
