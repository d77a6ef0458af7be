import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { Secret } from '../../core/model/secret.js';
import type { OAuthSettings } from '../../platform/config/settings.js';
import { OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { constantTimeEqual } from '../../platform/crypto/constant-time-equal.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { Signer } from '../../platform/crypto/signer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { ClientDocuments } from './client-documents.js';
import type { ClientAuthMethod, KnownClient } from './known-client.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { isLoopbackRedirect, isRegisteredRedirect, redirectProblem, type RedirectPolicy } from './redirect-rules.js';
import { readRegistration } from './registration-request.js';

const ID_PREFIX = 'ghc_';
const SECRET_PREFIX = 'ghs_';
const ID_LENGTH_MAX = 8_192;
/** Names of servers, which the incumbent's registration gave as client ids. */
const NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** What a sealed client id holds. */
interface SealedRegistration {
  readonly n: string;
  readonly r: readonly string[];
  readonly m: ClientAuthMethod;
}

/** RFC 7591 §3.2.1. */
export interface RegistrationAnswer {
  readonly client_id: string;
  readonly client_id_issued_at: number;
  readonly client_secret?: string;
  readonly client_secret_expires_at?: 0;
  readonly client_name: string;
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly response_types: readonly string[];
  readonly token_endpoint_auth_method: ClientAuthMethod;
  readonly application_type: 'native' | 'web';
}

/**
 * The clients of the gateway's issuers. Registration keeps nothing: the client id is the registration, sealed, and its
 * secret is derived from it, so any replica knows every client and nobody can fill a table. An `issuerPath` is `''` for the
 * root issuer and `/{server}` for the one of a server: a client of one is unknown at the other.
 */
@Injectable()
export class Clients {
  readonly #settings: OAuthSettings;
  readonly #sealer: Sealer;
  readonly #signer: Signer;
  readonly #policy: RedirectPolicy;

  constructor(
    @Inject(OAUTH_SETTINGS) settings: OAuthSettings,
    @Inject(SEALING_SECRET) secret: Secret,
    @Inject(ClientDocuments) private readonly documents: ClientDocuments,
  ) {
    this.#settings = settings;
    this.#sealer = new Sealer(secret, 'oauth-client');
    this.#signer = new Signer(secret, 'oauth-client-secret');
    this.#policy = { origins: settings.redirectOrigins };
  }

  /** Dynamic registration. @throws OAuthRefusal. */
  register(issuerPath: string, body: unknown): RegistrationAnswer {
    const { name, redirectUris, authMethod, applicationType } = readRegistration(body, this.#policy);
    const registration: SealedRegistration = { n: name, r: redirectUris, m: authMethod };
    const id = ID_PREFIX + this.#sealer.seal(JSON.stringify(registration), issuerPath);
    return {
      client_id: id,
      client_id_issued_at: Math.floor(Date.now() / 1_000),
      ...(authMethod === 'none' ? {} : { client_secret: this.#secretOf(id), client_secret_expires_at: 0 as const }),
      client_name: name,
      redirect_uris: redirectUris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: authMethod,
      application_type: applicationType,
    };
  }

  /** Undefined: nobody we know. @throws OAuthRefusal `slow_down`. */
  async find(issuerPath: string, clientId: string): Promise<KnownClient | undefined> {
    if (clientId.length > ID_LENGTH_MAX) return undefined;
    if (clientId.startsWith(ID_PREFIX)) return this.#registered(issuerPath, clientId);
    if (ClientDocuments.isAddress(clientId)) return this.documents.find(clientId);
    const configured = issuerPath === '' ? this.#settings.clients.find(({ id }) => id === clientId) : undefined;
    if (configured !== undefined) {
      const { id, name, redirectUris, secret } = configured;
      const authMethod = secret === undefined ? 'none' : 'client_secret_basic';
      return { id, name, kind: 'configured', redirectUris, authMethod };
    }
    if (!NAME.test(clientId)) return undefined;
    return { id: clientId, name: clientId, kind: 'name', redirectUris: [], authMethod: 'none' };
  }

  /** Whether this client's user may be sent there with a code. */
  allowsRedirect(client: KnownClient, address: string): boolean {
    if (redirectProblem(address, this.#policy) !== undefined) return false;
    if (client.kind === 'name') return isLoopbackRedirect(address);
    return isRegisteredRedirect(client.redirectUris, address);
  }

  /**
   * Whether the browser may be sent there before its person was asked anything. Anybody can register an address: elsewhere
   * than on this machine, or where an administrator says, that would make the gateway an open redirector (OAuth 2.1 §7.12.2).
   */
  trustsRedirect({ kind }: KnownClient, address: string): boolean {
    return kind === 'configured' || this.#policy.origins !== undefined || isLoopbackRedirect(address);
  }

  /**
   * Who is at the token endpoint: by `Authorization: Basic`, or by `client_id` (and `client_secret`) in the form.
   *
   * @throws OAuthRefusal `invalid_client`.
   */
  async authenticate(issuerPath: string, request: IncomingMessage, form: URLSearchParams): Promise<KnownClient> {
    const basic = readBasic(request.headers.authorization);
    const id = basic?.id ?? form.get('client_id');
    const secret = basic?.secret ?? form.get('client_secret') ?? undefined;
    if (basic !== undefined && form.has('client_id') && form.get('client_id') !== basic.id) {
      throw new OAuthRefusal('invalid_request', 'two different clients are named');
    }
    const client = id === null || id === '' ? undefined : await this.find(issuerPath, id);
    if (client === undefined || !this.#isGenuine(client, secret)) {
      throw new OAuthRefusal('invalid_client', 'the client is unknown, or its secret is wrong', 401);
    }
    return client;
  }

  #registered(issuerPath: string, id: string): KnownClient | undefined {
    const text = this.#sealer.open(id.slice(ID_PREFIX.length), issuerPath);
    if (text === undefined) return undefined;
    const { n, r, m } = JSON.parse(text) as SealedRegistration;
    return { id, name: n, kind: 'registered', redirectUris: r, authMethod: m };
  }

  #isGenuine({ id, kind, authMethod }: KnownClient, secret: string | undefined): boolean {
    if (authMethod === 'none') return true;
    if (secret === undefined) return false;
    if (kind !== 'configured') return this.#isSecretOf(id, secret);
    const expected = this.#settings.clients.find((client) => client.id === id)?.secret;
    return expected !== undefined && constantTimeEqual(expected.reveal(), secret);
  }

  #secretOf(id: string): string {
    return SECRET_PREFIX + this.#signer.sign('client', id);
  }

  #isSecretOf(id: string, secret: string): boolean {
    return secret.startsWith(SECRET_PREFIX) && this.#signer.open(secret.slice(SECRET_PREFIX.length), id) === 'client';
  }
}

/** RFC 6749 §2.3.1: both parts are form-encoded. */
function readBasic(header: string | undefined): { readonly id: string; readonly secret: string } | undefined {
  const encoded = /^basic ([A-Za-z0-9+/=_-]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part.replaceAll('+', ' '));
    } catch {
      // Not encoded, as many clients have it: taken as it stands.
      return part;
    }
  };
  return { id: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) };
}
