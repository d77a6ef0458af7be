import type { IdentityHeader } from './identity-header.js';
import type { Secret } from './secret.js';

/** Where an entry came from: a file-owned entry is read-only over REST. */
export type Origin = 'file' | 'db';

/** An upstream reached over HTTP. `auto` tries streamable HTTP and falls back to HTTP+SSE (contract §2). */
export interface HttpEndpoint {
  readonly kind: 'http';
  readonly transport: 'http' | 'sse' | 'auto';
  readonly url: string;
}

/** An upstream that is a child process of the gateway. */
export interface StdioEndpoint {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Values may be `${X-HEADER}` templates, filled from the client's headers. */
  readonly env: Readonly<Record<string, Secret>>;
  readonly cwd: string | undefined;
  /** `server`: one child for all callers with the same resolved environment. `session`: one child per client session. */
  readonly isolation: 'server' | 'session';
}

/** Types whose credential is written in the definition, or is only what the client offers. */
export interface StaticAuth {
  readonly type: 'api_key' | 'bearer_token' | 'basic' | 'authorization' | 'token';
  /** Absent: only what the client offers for this server is sent. */
  readonly value: Secret | undefined;
}

/** The gateway as a client of an authorization server. */
export interface OAuthClient {
  /** Absent: the gateway registers itself, or is known by its client metadata document. */
  readonly id: string | undefined;
  readonly secret: Secret | undefined;
  readonly authMethod: 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt' | 'none';
  /** PEM; for `private_key_jwt`. */
  readonly privateKey: Secret | undefined;
  /** `kid` of assertions. */
  readonly privateKeyId: string | undefined;
  /** JWS algorithm of assertions, e.g. `RS256`. */
  readonly signingAlg: string;
}

/** `auth_type: oauth2` (contract §11, reference §5). */
export interface OAuth2Auth {
  readonly type: 'oauth2';
  /** The gateway for itself, or each user for themselves. */
  readonly flow: 'client_credentials' | 'authorization_code';
  readonly client: OAuthClient;
  readonly scopes: readonly string[];
  /** Endpoints that are not given are discovered. */
  readonly authorizationUrl: string | undefined;
  readonly tokenUrl: string | undefined;
  readonly registrationUrl: string | undefined;
  /** RFC 8707 resource indicator, `auto` already replaced by the server's own. Undefined: none is sent. */
  readonly resource: string | undefined;
  /** What a client of the relay gets in its hands (contract §8). */
  readonly tokenMode: 'sealed' | 'passthrough';
  /** Rules over the claims of a returned token, as written. */
  readonly tokenValidation: unknown;
  readonly storageTtlSeconds: number | undefined;
  /** Addresses to register with, where they are written. */
  readonly redirectUris: readonly string[];
  /** A token written into the definition: sent as it is, nothing is asked for. */
  readonly value: Secret | undefined;
}

/** `auth_type: oauth2_token_exchange`: the caller's token is exchanged for one of the upstream (reference §5.8). */
export interface TokenExchangeAuth {
  readonly type: 'oauth2_token_exchange';
  readonly profile: 'rfc8693' | 'entra_obo';
  /** Always written by an administrator: where it is absent, the server is set aside. */
  readonly endpoint: string | undefined;
  readonly audience: string | undefined;
  readonly subjectTokenType: string;
  readonly scopes: readonly string[];
  readonly client: OAuthClient;
  readonly resource: string | undefined;
  /** What a caller without a token gets: the gateway's own token (`oauth2_flow: client_credentials`), or an error. */
  readonly withoutSubject: 'client_credentials' | 'refuse';
}

/**
 * `auth_type: oauth2_id_jag`: enterprise-managed authorization (protocol page §4). The caller's token is exchanged at the
 * identity provider for an ID-JAG, which is exchanged at the resource's authorization server for an access token.
 */
export interface IdJagAuth {
  readonly type: 'oauth2_id_jag';
  /** Token endpoint of the identity provider. */
  readonly endpoint: string | undefined;
  readonly subjectTokenType: string;
  /** Issuer of the resource's authorization server; undefined: discovered. */
  readonly audience: string | undefined;
  /** Token endpoint of the resource's authorization server; undefined: discovered. */
  readonly resourceTokenEndpoint: string | undefined;
  readonly resource: string | undefined;
  readonly scopes: readonly string[];
  readonly client: OAuthClient;
}

/** `auth_type: aws_sigv4`: each request is signed (reference §5.11). */
export interface AwsSigV4Auth {
  readonly type: 'aws_sigv4';
  /** Absent: the machine's own (environment, profile, metadata service). */
  readonly accessKeyId: Secret | undefined;
  readonly secretAccessKey: Secret | undefined;
  readonly sessionToken: Secret | undefined;
  readonly region: string;
  readonly service: string;
  /** ARN of the role to take on before signing. */
  readonly roleName: string | undefined;
  readonly sessionName: string | undefined;
}

/** How the gateway introduces itself upstream. */
export type UpstreamAuth =
  { readonly type: 'none' } | StaticAuth | OAuth2Auth | TokenExchangeAuth | IdJagAuth | AwsSigV4Auth;

/** Where users of a server with `is_byok` get a key of their own. */
export interface ByokHelp {
  readonly url: string | undefined;
  readonly description: readonly string[];
}

/** A header, `scope: per_user` ones filled by each user. */
export interface HeaderVariable {
  /** As configured. */
  readonly name: string;
  /** Of one that is the same for everybody. That of a per-user one is a hint for people, and never sent. */
  readonly value: Secret | undefined;
  readonly isPerUser: boolean;
}

/** What the server's own definition allows, whoever calls (contract §9, last step). */
export interface ToolPolicy {
  /** When present only these; wins over {@link disallowed}. Upstream names. */
  readonly allowed: ReadonlySet<string> | undefined;
  readonly disallowed: ReadonlySet<string>;
  /** Per tool (upstream name): the only argument names accepted. No entry: any. */
  readonly allowedParams: ReadonlyMap<string, ReadonlySet<string>>;
  /** When present only tools whose `toolFingerprint` is the one noted here. By upstream name. */
  readonly pins?: ReadonlyMap<string, string> | undefined;
}

/** A registered MCP server, validated and compiled. Frozen. */
export interface ServerEntry {
  readonly id: string;
  /** Other ids that mean this server: those the incumbent derives (reference §1.3). */
  readonly alternateIds: readonly string[];
  readonly name: string;
  readonly alias: string | undefined;
  /** What stands before the separator in public names: alias, else name, else id. */
  readonly prefix: string;
  readonly origin: Origin;
  /** Changes whenever anything in the definition changes, secrets included. Not reversible. */
  readonly fingerprint: string;
  readonly endpoint: HttpEndpoint | StdioEndpoint;
  /** `auto`: it is asked which era of the protocol it speaks; otherwise it is spoken to in that one only. */
  readonly protocolEra: 'auto' | 'legacy' | 'modern';
  readonly auth: UpstreamAuth;
  /** Lower-cased name of the header that carries the credential: `upstream_token_header`, or that of the type. */
  readonly tokenHeader: string;
  /** Every user brings a credential of their own (`is_byok`); it is written as the type of {@link auth} says. */
  readonly byok: boolean;
  /** What a user without one is told. */
  readonly byokHelp?: ByokHelp | undefined;
  /** Variables of the child's environment that each user gives a value for. */
  readonly perUserEnv: readonly string[];
  readonly headerVariables: readonly HeaderVariable[];
  /** The server is told who calls. */
  readonly identityHeader?: IdentityHeader | undefined;
  /** Always sent, win over everything else. */
  readonly staticHeaders: readonly (readonly [name: string, value: Secret])[];
  /** Names of client headers copied to the upstream, spelled as configured. */
  readonly extraHeaders: readonly string[];
  readonly tools: ToolPolicy;
  readonly accessGroups: readonly string[];
  readonly allowAllKeys: boolean;
  readonly availableOnPublicInternet: boolean;
  readonly description: string | undefined;
  /** Replaces what the upstream says in `initialize`. */
  readonly instructions: string | undefined;
  /** Longest wait for a byte of one call, in milliseconds; absent: `limits.callIdleTimeoutMs`. */
  readonly timeoutMs: number | undefined;
  /** Free-form `mcp_info`, returned as it was written. */
  readonly info: Readonly<Record<string, unknown>>;
}
