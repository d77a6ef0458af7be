import type { Grants, ObjectPermission, PermissionLevel } from '../../src/core/model/permission.js';
import { NO_GRANTS } from '../../src/core/model/permission.js';
import type { Principal } from '../../src/core/model/principal.js';

/** The caller who may everything. */
export const ADMIN: Principal = Object.freeze({
  kind: 'master_key',
  id: 'master',
  role: 'proxy_admin',
  grants: NO_GRANTS,
});

/** Levels as people would say them, e.g. `{ key: { servers: ['wiki'] } }`. */
export function makeGrants(levels: Partial<Record<PermissionLevel, ObjectPermission>>): Grants {
  const order: readonly PermissionLevel[] = ['key', 'team', 'organization', 'user', 'end_user'];
  const said = order.flatMap((level) => {
    const permission = levels[level];
    return permission === undefined ? [] : [{ level, permission }];
  });
  return { levels: said, fingerprint: JSON.stringify(said) };
}

/** A virtual key of nobody in particular. */
export function makePrincipal(
  levels: Partial<Record<PermissionLevel, ObjectPermission>> = {},
  overrides: Partial<Principal> = {},
): Principal {
  return {
    kind: 'virtual_key',
    id: 'key:test',
    role: 'internal_user',
    keyId: 'test',
    grants: makeGrants(levels),
    ...overrides,
  };
}
