import type { ServerDefinition } from './server.definition.js';

/**
 * Whether an `oauth2` server is reached with a token of the gateway itself: when it says so, or when client id, secret and
 * token URL are all given and it does not say otherwise (contract §11).
 */
export function isClientCredentials(definition: ServerDefinition): boolean {
  const { oauth2_flow: flow, client_id: id, client_secret: secret, token_url: tokenUrl } = definition;
  if (flow !== undefined) return flow === 'client_credentials';
  return id !== undefined && id !== '' && secret !== undefined && tokenUrl !== undefined && tokenUrl !== '';
}
