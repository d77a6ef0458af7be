import { KeyGenerateDefinition } from './key-generate.definition.js';
import { KeyListDefinition } from './key-list.definition.js';
import { KeyRegenerateDefinition, isNoGrace } from './key-regenerate.definition.js';
import { KeySelectionDefinition } from './key-selection.definition.js';
import { Secret } from '../model/secret.js';
import type { DefinitionClass } from './field-decorators.js';
import { validateDefinition } from './validate-definition.js';

function refusedFields(type: DefinitionClass, raw: Record<string, unknown>): readonly string[] {
  return validateDefinition(type, raw).problems.map(({ path }) => path.join('.'));
}

describe('a key of the caller’s own making', () => {
  test.each([
    ['sk-12345678901234567', true],
    ['sk-1234567890123456', false],
    [`sk-${'x'.repeat(300)}`, false],
    ['pk-12345678901234567', false],
    ['sk-1234567890 1234567', false],
    ['sk-1234567890.1234567', false],
    ['', false],
  ])('%s: %s', (key, fits) => {
    expect(refusedFields(KeyGenerateDefinition, { key })).toEqual(fits ? [] : ['key']);
  });

  test('cannot be printed, nor can the keys that bodies name', () => {
    const { value } = validateDefinition(KeySelectionDefinition, { keys: ['sk-12345678901234567'] });
    expect(value.keys?.[0]).toBeInstanceOf(Secret);
    expect(JSON.stringify(validateDefinition(KeyGenerateDefinition, { key: 'sk-12345678901234567' }))).not.toContain(
      '12345',
    );
  });
});

test.each(['', '0', '0s', '00h', '0mo'])('a grace period of "%s" is none', (grace) => {
  expect(isNoGrace(grace)).toBe(true);
  expect(refusedFields(KeyRegenerateDefinition, { grace_period: grace })).toEqual([]);
});

test.each(['-1h', 'soon', 3_600])('a grace period of %j is refused', (grace) => {
  expect(refusedFields(KeyRegenerateDefinition, { grace_period: grace })).toEqual(['grace_period']);
});

describe('the query of a list', () => {
  test('comes as text and is read as what it means', () => {
    const query = { page: '2', size: '100', return_full_object: 'true', include_team_keys: 'false', expand: 'user' };
    const { value, problems } = validateDefinition(KeyListDefinition, query);
    expect(problems).toEqual([]);
    expect(value).toMatchObject({
      page: 2,
      size: 100,
      return_full_object: true,
      include_team_keys: false,
      expand: ['user'],
    });
  });

  test.each([
    ['page', '0'],
    ['page', '1.5'],
    ['size', '101'],
    ['sort_by', 'token_hash'],
    ['sort_order', 'upwards'],
    ['status', 'all'],
    ['expand', 'everything'],
  ])('%s=%s is refused', (field, value) => {
    expect(refusedFields(KeyListDefinition, { [field]: value })[0]).toMatch(field);
  });
});
