/** A column of the database whose values are sealed: all that is needed to open one and to seal it anew. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** The primary key: names of columns and their Postgres types. */
  readonly key: Readonly<Record<string, 'text' | 'uuid'>>;
  /** The purpose its `Sealer` is made with. */
  readonly purpose: string;
  /** What a value is bound to: the row whose key this is. */
  owner(key: Readonly<Record<string, string>>): string;
}

/**
 * Every sealed column there is. The stores take their purpose from here, and `rotate-salt` goes through all of it; a
 * column of the schema that is missing here fails `sealed-columns.spec.ts`.
 */
export const SEALED_COLUMNS = {
  mcpServer: {
    table: 'mcp_server',
    column: 'secrets',
    key: { id: 'text' },
    purpose: 'mcp-server-secrets',
    owner: ({ id = '' }) => id,
  },
  userCredential: {
    table: 'user_credential',
    column: 'sealed',
    key: { user_id: 'text', server_id: 'text', kind: 'text' },
    purpose: 'user-credential',
    owner: ({ user_id, server_id, kind }) => JSON.stringify([user_id, server_id, kind]),
  },
  oauthFlow: {
    table: 'oauth_flow',
    column: 'payload',
    key: { handle_hash: 'text' },
    purpose: 'oauth-flow',
    owner: ({ handle_hash = '' }) => handle_hash,
  },
  upstreamOAuthClient: {
    table: 'upstream_oauth_client',
    column: 'sealed',
    key: { id: 'uuid' },
    purpose: 'upstream-oauth-client',
    owner: ({ id = '' }) => id,
  },
  upstreamToken: {
    table: 'upstream_token',
    column: 'sealed',
    key: { fingerprint: 'text' },
    purpose: 'upstream-token',
    owner: ({ fingerprint = '' }) => fingerprint,
  },
  stateHome: {
    table: 'state_home',
    column: 'remains',
    key: { key: 'text' },
    purpose: 'state-remains',
    owner: ({ key = '' }) => key,
  },
  signingKey: {
    table: 'signing_key',
    column: 'private_key',
    key: { id: 'text' },
    purpose: 'signing-key',
    owner: ({ id = '' }) => id,
  },
} as const satisfies Record<string, SealedColumn>;
