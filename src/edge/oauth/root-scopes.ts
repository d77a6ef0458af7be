/** The one scope of the root issuer: to use the endpoint a token is for, as the person who allowed it. */
export const SCOPE = 'mcp';

/** What a client gets, whatever it asks for: scopes of other issuers mean nothing here (RFC 6749 §3.3). */
export const GRANTED_SCOPES: readonly string[] = Object.freeze([SCOPE]);
