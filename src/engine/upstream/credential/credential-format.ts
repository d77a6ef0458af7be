/** The header that carries a credential; lower-cased name. Undefined: nothing is sent. */
export type CredentialHeader = readonly [name: string, value: string] | undefined;

/** How one `auth_type` writes a credential value into a header. Pure. */
export type CredentialFormat = (value: string) => CredentialHeader;
