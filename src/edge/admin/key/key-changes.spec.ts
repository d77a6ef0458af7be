import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { KeyUpdateDefinition } from '../../../core/definition/key-update.definition.js';
import { keyChanges, nextRotation } from './key-changes.js';

const NOW = new Date('2026-01-31T10:00:00Z');

function changes(written: Record<string, unknown>, settings: Record<string, unknown> = {}) {
  return keyChanges({ definition: plainToInstance(KeyUpdateDefinition, written), written }, { settings }, NOW);
}

describe('what a body changes of a key', () => {
  test('is what it names: nothing named, nothing changed', () => {
    expect(changes({}, { tags: ['kept'], odd: 1 })).toEqual({ columns: {}, settings: { tags: ['kept'], odd: 1 } });
    expect(changes({ user_id: 'x', team_id: 'y', object_permission: {}, key: 'sk-never-stored-in-settings' })).toEqual({
      columns: {},
      settings: {},
    });
  });

  test.each([
    [{ key_alias: null }, { alias: null }],
    [{ models: null }, { models: [] }],
    [{ metadata: null }, { metadata: {} }],
    [{ max_budget: null }, { maxBudget: null }],
    [{ spend: null }, { spend: 0 }],
    [{ blocked: null }, { blocked: false }],
    [{ access_group_ids: ['a', 'a'] }, { accessGroupIds: ['a'] }],
    [{ duration: null }, { expiresAt: null }],
    [{ duration: '-1' }, { expiresAt: null }],
    [{ duration: '1mo' }, { expiresAt: new Date('2026-02-28T10:00:00Z') }],
    [{ key_type: 'read_only' }, { keyType: 'read_only', allowedRoutes: ['info_routes'] }],
    [{ key_type: null }, { keyType: 'default', allowedRoutes: [] }],
    [
      { key_type: 'llm_api', allowed_routes: ['/mcp*'] },
      { keyType: 'llm_api', allowedRoutes: ['/mcp*'] },
    ],
    [
      { key_type: 'llm_api', allowed_routes: null },
      { keyType: 'llm_api', allowedRoutes: ['llm_api_routes'] },
    ],
    [{ allowed_routes: null }, { allowedRoutes: [] }],
  ])('%j sets %j', (written, columns) => {
    expect(changes(written).columns).toEqual(columns);
  });

  test('times of budget and rotation follow their fields, and go with them', () => {
    const set = changes({ budget_duration: '1d', auto_rotate: true, rotation_interval: '1w' }).settings;
    expect(set).toMatchObject({
      budget_reset_at: '2026-02-01T10:00:00.000Z',
      key_rotation_at: '2026-02-07T10:00:00.000Z',
    });
    expect(changes({ budget_duration: null, auto_rotate: false }, set).settings).toEqual({
      auto_rotate: false,
      rotation_interval: '1w',
    });
    expect(nextRotation({ rotation_interval: '1w' }, NOW)).toBeNull();
  });
});
