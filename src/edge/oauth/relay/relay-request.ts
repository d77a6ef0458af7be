import { readReturnAddress, type ReturnAddress } from '../authorization-request.js';
import type { Clients } from '../clients.js';
import { readChallenge } from '../codes.js';
import { endpointOfResource } from '../endpoint-address.js';
import type { KnownClient } from '../known-client.js';
import { OAuthRefusal } from '../oauth-refusal.js';
import { onceEach } from '../read-body.js';
import type { RelayServer } from './relay-server.js';

/** A request at the issuer of a server, judged. Plain JSON. */
export interface RelayRequest extends ReturnAddress {
  readonly clientId: string;
  readonly clientName: string;
  /** The host that vouches for the client's name. */
  readonly clientHost: string | undefined;
  readonly challenge: string;
  readonly serverId: string;
  /** As the client asked for them; undefined: it did not. */
  readonly scopes: readonly string[] | undefined;
}

const STATE_LENGTH_MAX = 4_096;
const SCOPES_LENGTH_MAX = 2_000;
/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/**
 * Who asks, and where the answer goes; see {@link readReturnAddress}. A client that goes by a bare name goes by the server's.
 *
 * @throws OAuthRefusal for a page.
 */
export async function readRelayReturn(
  parameters: URLSearchParams,
  { entry, issuer, issuerPath }: RelayServer,
  clients: Clients,
): Promise<{ readonly client: KnownClient; readonly back: ReturnAddress }> {
  const found = await readReturnAddress(parameters, issuerPath, issuer, clients);
  if (found.client.kind === 'name' && !isNameOf(entry, found.client.id)) {
    throw new OAuthRefusal('invalid_client', 'the application is not known to this gateway');
  }
  return found;
}

/** Whether a client id is the server's own name or alias: what the incumbent's registration gave. */
export function isNameOf(
  { name, alias }: { readonly name: string; readonly alias: string | undefined },
  clientId: string,
): boolean {
  return [name, alias].some((own) => own?.toLowerCase() === clientId.toLowerCase());
}

/** The rest of the request. @throws OAuthRefusal for the client. */
export function readRelayRequest(
  parameters: URLSearchParams,
  { entry, base }: RelayServer,
  { client, back }: { readonly client: KnownClient; readonly back: ReturnAddress },
): RelayRequest {
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
  requireResource(parameters, base, entry);
  return {
    ...back,
    clientId: client.id,
    clientName: client.name,
    clientHost: client.kind === 'document' ? new URL(client.id).host : undefined,
    challenge: readChallenge(parameters),
    serverId: entry.id,
    scopes: readScopes(parameters),
  };
}

/** A `resource`, where one is named, is an address of this very server. @throws OAuthRefusal `invalid_target`. */
export function requireResource(parameters: URLSearchParams, base: string, entry: RelayServer['entry']): void {
  const isOwn = (resource: string): boolean => {
    const name = /^\/mcp\/([^,/]+)$/.exec(endpointOfResource(base, resource) ?? '')?.[1];
    return (
      name !== undefined && [entry.id, entry.name, entry.alias].some((own) => own?.toLowerCase() === name.toLowerCase())
    );
  };
  if (parameters.getAll('resource').every(isOwn)) return;
  throw new OAuthRefusal('invalid_target', 'resource must be the address of this server at this gateway');
}

/** @throws OAuthRefusal `invalid_scope`. */
function readScopes(parameters: URLSearchParams): readonly string[] | undefined {
  const text = parameters.get('scope') ?? '';
  const scopes = [...new Set(text.split(' ').filter((scope) => scope !== ''))];
  if (text.length > SCOPES_LENGTH_MAX || !scopes.every((scope) => SCOPE.test(scope))) {
    throw new OAuthRefusal('invalid_scope', 'scope cannot be read');
  }
  return scopes.length === 0 ? undefined : scopes;
}
