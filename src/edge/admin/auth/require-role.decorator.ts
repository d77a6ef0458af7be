import { SetMetadata } from '@nestjs/common';
import type { Role } from '../../../core/model/principal.js';

export const REQUIRED_ROLES = 'gatehouse:required-roles';

/** Only principals with one of these roles; others read 403. */
export const RequireRole = (...roles: readonly [Role, ...Role[]]): MethodDecorator & ClassDecorator =>
  SetMetadata(REQUIRED_ROLES, roles);
