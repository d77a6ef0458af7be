/** Where the token stands unless told otherwise. Nobody but the gateway sets it. */
export const IDENTITY_HEADER = 'x-gatehouse-identity';

/** The signed header by which a server learns who calls. */
export interface IdentityHeader {
  /** Lower-cased. In `authorization` the token stands behind `Bearer`, elsewhere by itself. */
  readonly header: string;
  /** `aud` of the token: names this server. */
  readonly audience: string;
}

/** What servers that say nothing of it themselves get. */
export interface IdentityHeaderDefaults {
  readonly enabled: boolean;
  /** Undefined: by whether the server has another credential. */
  readonly header: string | undefined;
  /** Undefined: the server's name. */
  readonly audience: string | undefined;
}

export const NO_IDENTITY_HEADER: IdentityHeaderDefaults = Object.freeze({
  enabled: false,
  header: undefined,
  audience: undefined,
});
