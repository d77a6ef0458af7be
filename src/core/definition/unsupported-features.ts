import type { AuthType, ServerDefinition, ServerField } from './server.definition.js';

/**
 * What this version cannot do for these `auth_type`s. Whoever adds the source of such a credential takes the line away;
 * types that are not here are served.
 */
const UNSUPPORTED_AUTH: Partial<Record<AuthType, (definition: ServerDefinition) => string | undefined>> = {
  // Callers' own tokens go there, and they are good here too: the server is not asked where that is.
  oauth2_token_exchange: (definition) =>
    namesExchange(definition) ? undefined : 'auth_type oauth2_token_exchange without token_exchange_endpoint',
  oauth2_id_jag: (definition) =>
    namesExchange(definition)
      ? undefined
      : 'auth_type oauth2_id_jag without token_exchange_endpoint (that of the identity provider)',
  true_passthrough: () => 'auth_type true_passthrough',
  oauth_delegate: () => 'auth_type oauth_delegate',
};

export interface UnsupportedFeature {
  readonly field: ServerField;
  /** Names the feature; reads well before "is not supported by this version". */
  readonly feature: string;
}

/**
 * What this server asks for that this version cannot give. Serving it without would be wrong or unsafe, so such a server
 * is set aside (fail closed). Fields whose absence only makes a listing less rich are {@link ineffectiveFields}.
 */
export function unsupportedFeatures(definition: ServerDefinition): readonly UnsupportedFeature[] {
  const found: UnsupportedFeature[] = [];
  const { auth_type: authType } = definition;
  const feature = authType === undefined ? undefined : UNSUPPORTED_AUTH[authType]?.(definition);
  if (feature !== undefined) found.push({ field: 'auth_type', feature });
  if (isFilled(definition.spec_path)) found.push({ field: 'spec_path', feature: 'spec_path (an OpenAPI server)' });
  if (definition.is_byok === true && (definition.transport === 'stdio' || isFilled(definition.command))) {
    found.push({ field: 'is_byok', feature: 'is_byok of a stdio server (give it env with scope per_user)' });
  }
  if (definition.delegate_auth_to_upstream === true) {
    found.push({ field: 'delegate_auth_to_upstream', feature: 'delegate_auth_to_upstream' });
  }
  if (definition.dcr_bridge === true) found.push({ field: 'dcr_bridge', feature: 'dcr_bridge' });
  return found;
}

/** Fields given that are understood, but change nothing in this version. */
export function ineffectiveFields(definition: ServerDefinition): readonly ServerField[] {
  const fields: readonly ServerField[] = ['tool_name_to_display_name', 'tool_name_to_description'];
  return fields.filter((field) => isFilled(definition[field]));
}

/** One sentence for people, e.g. `auth_type oauth2 is not supported by this version; the server is set aside`. */
export function setAsideReason(features: readonly UnsupportedFeature[]): string {
  const names = features.map(({ feature }) => feature).join(', ');
  return `${names} ${features.length === 1 ? 'is' : 'are'} not supported by this version; the server is set aside`;
}

function namesExchange({ token_exchange_endpoint: endpoint, token_url: url }: ServerDefinition): boolean {
  return isFilled(endpoint) || isFilled(url);
}

function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
