import { type FieldProblem, problemAt } from './field-problem.js';
import type { GeneralSettingsDefinition } from './general-settings.definition.js';
import type { OAuthSettingsDefinition } from './oauth-settings.definition.js';
import { generalSettingsWithoutEffect } from './settings-without-effect.js';

/** What is to be said of settings that are valid one by one. Paths are relative to `general_settings`. */
export function checkGeneralSettingsRules(general: GeneralSettingsDefinition): readonly FieldProblem[] {
  const problems = [...generalSettingsWithoutEffect(general)];
  if (general.allowed_origins?.includes('*') === true) {
    const message = 'lets any web page use the gateway with a key it knows: name the pages instead of *';
    problems.push(problemAt(['allowed_origins'], message, 'warning'));
  }
  return [...problems, ...oauthRules(general.oauth)];
}

/** What the provider of a login and an enterprise issuer cannot do without. */
function oauthRules(oauth: OAuthSettingsDefinition | undefined): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const oidc = oauth?.login?.oidc;
  for (const field of ['issuer', 'client_id'] as const) {
    if (oidc !== undefined && (oidc[field] ?? '') === '') {
      problems.push(problemAt(['oauth', 'login', 'oidc', field], 'is required'));
    }
  }
  if (oauth?.enterprise !== undefined && (oauth.enterprise.issuer ?? '') === '') {
    problems.push(problemAt(['oauth', 'enterprise', 'issuer'], 'is required'));
  }
  if (oauth?.login?.key === false && oidc === undefined) {
    problems.push(problemAt(['oauth', 'login', 'key'], 'must be true without login.oidc: nobody could sign in'));
  }
  return problems;
}
