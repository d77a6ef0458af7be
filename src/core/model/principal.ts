/** Roles of the product (reference §4.1). The master key is a proxy admin. */
export type Role = 'proxy_admin' | 'proxy_admin_viewer' | 'org_admin' | 'internal_user' | 'internal_user_viewer';

/** The authenticated caller. Built by `state/identity`, read by everybody else, never mutated. */
export interface Principal {
  readonly kind: 'master_key';
  /** Stable across replicas and restarts; binds sessions, cursors and private caches. Holds no secret. */
  readonly id: string;
  readonly role: Role;
}
