import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { UserCredential } from '../../../state/credential/user-credential.js';

const TYPES = { byok: 'byok', oauth: 'oauth2', env: 'env_vars' } as const;

/** What a user keeps for a server, in the incumbent's fields; ours are `status` and `reason`. Never the secret. */
export interface PresentedCredential {
  readonly server_id: string;
  readonly server_name: string | null;
  readonly alias: string | null;
  readonly credential_type: (typeof TYPES)[keyof typeof TYPES];
  readonly has_credential: boolean;
  readonly expires_at: string | null;
  readonly connected_at: string;
  readonly status: UserCredential['status'];
  readonly reason: string | null;
}

/** `entry`: absent when the server is gone, or not the caller's any more. */
export function presentCredential(kept: UserCredential, entry: ServerEntry | undefined): PresentedCredential {
  return {
    server_id: kept.serverId,
    server_name: entry?.name ?? null,
    alias: entry?.alias ?? null,
    credential_type: TYPES[kept.kind],
    has_credential: kept.status === 'active',
    expires_at: isoTime(kept.expiresAt),
    connected_at: new Date(kept.connectedAt).toISOString(),
    status: kept.status,
    reason: kept.reason ?? null,
  };
}

export interface PresentedTokens {
  readonly server_id: string;
  readonly has_credential: boolean;
  readonly expires_at: string | null;
  readonly is_expired: boolean;
  readonly connected_at: string | null;
  readonly status: UserCredential['status'] | 'absent';
  readonly reason: string | null;
}

export function presentTokens(serverId: string, kept: UserCredential | undefined, now: number): PresentedTokens {
  return {
    server_id: serverId,
    has_credential: kept?.status === 'active',
    expires_at: isoTime(kept?.expiresAt),
    is_expired: kept?.expiresAt !== undefined && kept.expiresAt <= now,
    connected_at: isoTime(kept?.connectedAt),
    status: kept?.status ?? 'absent',
    reason: kept?.reason ?? null,
  };
}

/** A variable that each user gives a value for. */
export interface UserVariable {
  readonly name: string;
  readonly description: string | undefined;
}

export interface PresentedVariables {
  readonly server_id: string;
  readonly server_name: string;
  readonly alias: string | null;
  readonly required: readonly {
    readonly name: string;
    readonly description: string | null;
    readonly is_set: boolean;
  }[];
  readonly missing_count: number;
  /** The incumbent has a page of its user interface here. */
  readonly setup_url: null;
}

export function presentVariables(
  { id, name, alias }: ServerEntry,
  variables: readonly UserVariable[],
  set: ReadonlySet<string>,
): PresentedVariables {
  const required = variables.map((variable) => ({
    name: variable.name,
    description: variable.description ?? null,
    is_set: set.has(variable.name),
  }));
  return {
    server_id: id,
    server_name: name,
    alias: alias ?? null,
    required,
    missing_count: required.filter(({ is_set }) => !is_set).length,
    setup_url: null,
  };
}

function isoTime(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
