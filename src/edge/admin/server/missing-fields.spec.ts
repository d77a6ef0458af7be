import { missingFields } from './missing-fields.js';

test('a required field is there when it says something, at any depth', () => {
  const body = { description: 'd', empty: '', none: null, list: [], info: { owner: 'us', team: {} }, flag: false };
  const required = [
    'description',
    'empty',
    'none',
    'list',
    'info.owner',
    'info.team',
    'info.nope.deep',
    'flag',
    'toString',
  ];
  expect(missingFields(body, required)).toEqual(['empty', 'none', 'list', 'info.team', 'info.nope.deep', 'toString']);
  expect(missingFields('text', ['a'])).toEqual(['a']);
});
