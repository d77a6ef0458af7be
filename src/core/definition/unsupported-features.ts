import type { AuthType, ServerDefinition, ServerField } from './server.definition.js';

/** The `auth_type`s this version serves. */
export const SUPPORTED_AUTH_TYPES = ['none', 'api_key', 'bearer_token', 'basic', 'authorization', 'token'] as const;

export type SupportedAuthType = (typeof SUPPORTED_AUTH_TYPES)[number];

export function isSupportedAuthType(type: AuthType): type is SupportedAuthType {
  return (SUPPORTED_AUTH_TYPES as readonly string[]).includes(type);
}

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
  const { auth_type: authType, upstream_token_header: tokenHeader, env } = definition;
  if (authType !== undefined && !isSupportedAuthType(authType))
    found.push({ field: 'auth_type', feature: `auth_type ${authType}` });
  if (isFilled(definition.spec_path)) found.push({ field: 'spec_path', feature: 'spec_path (an OpenAPI server)' });
  if (definition.is_byok === true) found.push({ field: 'is_byok', feature: 'is_byok' });
  if (definition.delegate_auth_to_upstream === true) {
    found.push({ field: 'delegate_auth_to_upstream', feature: 'delegate_auth_to_upstream' });
  }
  if (definition.dcr_bridge === true) found.push({ field: 'dcr_bridge', feature: 'dcr_bridge' });
  if (isFilled(definition.header_variables)) found.push({ field: 'header_variables', feature: 'header_variables' });
  if (isFilled(tokenHeader) && tokenHeader?.toLowerCase() !== 'authorization') {
    found.push({ field: 'upstream_token_header', feature: 'upstream_token_header' });
  }
  if (Array.isArray(env) && env.some(({ scope }) => scope === 'per_user')) {
    found.push({ field: 'env', feature: 'env with scope per_user' });
  }
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

function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
