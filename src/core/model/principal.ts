import type { Grants } from './permission.js';

/** Roles of the product (reference §4.1). The master key is a proxy admin. */
export type Role = 'proxy_admin' | 'proxy_admin_viewer' | 'org_admin' | 'internal_user' | 'internal_user_viewer';

/** Which doors a caller may use at all, before any permission: a key's type and its `allowed_routes`. */
export interface RouteAccess {
  /** MCP and the REST shortcuts for tools. */
  readonly mcp: boolean;
  /** Reading through the control plane. */
  readonly info: boolean;
  /** Writing through the control plane. */
  readonly management: boolean;
  /** These paths too (`*` at the end stands for anything). When not empty, they and the flags are all there is. */
  readonly paths: readonly string[];
}

/** The authenticated caller. Built by `state/identity`, read by everybody else, never mutated. */
export interface Principal {
  readonly kind: 'master_key' | 'virtual_key' | 'jwt';
  /**
   * Stable across replicas, restarts and the regeneration of a key; binds sessions, cursors and private caches. Holds no
   * secret: `master`, `key:<id>`, `jwt:<issuer>:<subject>`, each with `|end_user:<id>` when one was named.
   */
  readonly id: string;
  readonly role: Role;
  /** What its permission levels say. Not asked of a proxy admin. */
  readonly grants: Grants;
  /** Absent: every door. */
  readonly routes?: RouteAccess;
  /** Row id of the virtual key. */
  readonly keyId?: string;
  /** Its SHA-256, which the incumbent's API calls `token`. */
  readonly keyHash?: string;
  readonly userId?: string;
  /** Of the user, as far as anybody said. */
  readonly email?: string;
  readonly teamId?: string;
  readonly organizationId?: string;
  readonly endUserId?: string;
  /**
   * Set for the tokens of OAuth clients: the one endpoint they are for, as `endpointPath` names it. Absent: the credential is
   * not bound to an endpoint.
   */
  readonly audience?: string;
  /** Milliseconds since the epoch at which the credential ends; absent: never. */
  readonly expiresAt?: number;
}
