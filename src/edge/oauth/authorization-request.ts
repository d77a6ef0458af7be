import type { Clients } from './clients.js';
import { readChallenge } from './codes.js';
import { endpointOfResource } from './endpoint-address.js';
import type { KnownClient } from './known-client.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { onceEach } from './read-body.js';

const STATE_LENGTH_MAX = 4_096;

/** Where an answer to the client goes. Only what was judged before becomes one. */
export interface ReturnAddress {
  readonly redirectUri: string;
  readonly state: string | undefined;
  /** `iss` of RFC 9207. */
  readonly issuer: string;
}

/** A request at the root issuer, judged. Plain JSON. */
export interface AuthorizationRequest extends ReturnAddress {
  readonly clientId: string;
  readonly clientName: string;
  /** The host that vouches for the client's name. */
  readonly clientHost: string | undefined;
  readonly challenge: string;
  /** The endpoint that tokens will be for. */
  readonly endpoint: string;
}

/**
 * Who asks and where the answer goes. What is wrong with these is told to the person at the browser, not to an address that
 * nobody vouches for (RFC 6749 §4.1.2.1).
 *
 * @throws OAuthRefusal for a page.
 */
export async function readReturnAddress(
  parameters: URLSearchParams,
  issuerPath: string,
  issuer: string,
  clients: Clients,
): Promise<{ readonly client: KnownClient; readonly back: ReturnAddress }> {
  for (const name of ['client_id', 'redirect_uri', 'state']) {
    if (parameters.getAll(name).length > 1)
      throw new OAuthRefusal('invalid_request', `${name} is given more than once`);
  }
  const client = await clients.find(issuerPath, parameters.get('client_id') ?? '');
  if (client === undefined) throw new OAuthRefusal('invalid_client', 'the application is not known to this gateway');
  const [only, ...others] = client.redirectUris;
  const redirectUri = parameters.get('redirect_uri') ?? (others.length === 0 ? only : undefined);
  if (redirectUri === undefined || !clients.allowsRedirect(client, redirectUri)) {
    throw new OAuthRefusal(
      'invalid_request',
      'the application asks to send you to an address that it did not register',
    );
  }
  return { client, back: { redirectUri, state: parameters.get('state') ?? undefined, issuer } };
}

/** The rest of a request at the root issuer. @throws OAuthRefusal for the client. */
export function readAuthorizationRequest(
  parameters: URLSearchParams,
  { client, back }: Awaited<ReturnType<typeof readReturnAddress>>,
): AuthorizationRequest {
  onceEach(parameters);
  if ((back.state?.length ?? 0) > STATE_LENGTH_MAX) {
    throw new OAuthRefusal('invalid_request', `state has at most ${STATE_LENGTH_MAX} characters`);
  }
  if (parameters.get('response_type') !== 'code') {
    throw new OAuthRefusal('unsupported_response_type', 'response_type must be code');
  }
  if ((parameters.get('response_mode') ?? 'query') !== 'query') {
    throw new OAuthRefusal('invalid_request', 'response_mode must be query');
  }
  if (parameters.get('prompt')?.split(' ').includes('none') === true) {
    throw new OAuthRefusal('interaction_required', 'a person must allow it');
  }
  return {
    ...back,
    clientId: client.id,
    clientName: client.name,
    clientHost: client.kind === 'document' ? new URL(client.id).host : undefined,
    challenge: readChallenge(parameters),
    endpoint: readEndpoint(parameters, back.issuer),
  };
}

/** The endpoint that is named as `resource`; without one, `/mcp`. @throws OAuthRefusal `invalid_target`. */
export function readEndpoint(parameters: URLSearchParams, baseUrl: string): string {
  const [resource, ...others] = parameters.getAll('resource');
  if (resource === undefined) return '/mcp';
  const endpoint = others.length === 0 ? endpointOfResource(baseUrl, resource) : undefined;
  if (endpoint === undefined) {
    throw new OAuthRefusal('invalid_target', 'resource must be the address of one MCP endpoint of this gateway');
  }
  return endpoint;
}

/** The address with the answer (RFC 6749 §4.1.2) behind what the client registered, which is not touched. */
export function answerAddress(
  { redirectUri, state, issuer }: ReturnAddress,
  answer: Readonly<Record<string, string>>,
): string {
  const parameters = new URLSearchParams({ ...answer, ...(state === undefined ? {} : { state }), iss: issuer });
  const join = redirectUri.includes('?') ? '&' : '?';
  return `${redirectUri}${join}${parameters.toString()}`;
}
