import { DEFAULT_LIMITS } from '../model/limits.js';
import { LIMIT_FIELDS, LimitsDefinition, toLimits } from './limits.definition.js';
import { fieldNames, validateDefinition } from './validate-definition.js';

describe('limits', () => {
  it('are the defaults of the contract when nothing is written', () => {
    expect(toLimits(undefined)).toEqual(DEFAULT_LIMITS);
    expect(toLimits(new LimitsDefinition())).toEqual(DEFAULT_LIMITS);
  });

  it('can each be set, in the unit that the field names', () => {
    for (const [name, [field, unit]] of Object.entries(LIMIT_FIELDS)) {
      const { value, problems } = validateDefinition(LimitsDefinition, { [field]: 5000 });
      // What 5000 of the unit means for a field that does not go that far is another test.
      if (problems.length > 0) continue;
      expect({ ...toLimits(value), [name]: 0 }).toEqual({ ...DEFAULT_LIMITS, [name]: 0 });
      expect(toLimits(value)[name as keyof typeof DEFAULT_LIMITS]).toBe(5000 * unit);
    }
    expect(
      Object.values(LIMIT_FIELDS)
        .map(([field]) => field)
        .sort(),
    ).toEqual(fieldNames(LimitsDefinition));
  });

  it('accept their own defaults', () => {
    const written = Object.entries(LIMIT_FIELDS).map(([name, [field, unit]]) => [
      field,
      DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS] / unit,
    ]);
    const { value, problems } = validateDefinition(
      LimitsDefinition,
      Object.fromEntries(written) as Record<string, unknown>,
    );
    expect(problems).toEqual([]);
    expect(toLimits(value)).toEqual(DEFAULT_LIMITS);
  });

  it.each([
    ['request_body_bytes', 0],
    ['json_depth', 1.5],
    ['call_timeout', -1],
    ['list_timeout', Number.POSITIVE_INFINITY],
    ['connections', '10 thousand'],
  ])('refuse %s: %j', (field, value) => {
    expect(validateDefinition(LimitsDefinition, { [field]: value }).problems).toHaveLength(1);
  });
});
