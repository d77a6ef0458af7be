import { type FieldProblem, problemAt } from './field-problem.js';
import type { GeneralSettingsDefinition } from './general-settings.definition.js';

/** What is to be said of settings that are valid one by one. Paths are relative to `general_settings`. */
export function checkGeneralSettingsRules(general: GeneralSettingsDefinition): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const warn = (field: keyof GeneralSettingsDefinition, message: string): void => {
    problems.push(problemAt([field], message, 'warning'));
  };
  if (general.use_x_forwarded_for === true && (general.mcp_trusted_proxy_ranges ?? []).length === 0) {
    warn('use_x_forwarded_for', 'has no effect until mcp_trusted_proxy_ranges names the proxies that are believed');
  }
  if ((general.mcp_allowed_clients ?? []).length > 0) {
    warn('mcp_allowed_clients', 'is not enforced by this version: every client with a valid key is served');
  }
  if (general.allowed_origins?.includes('*') === true) {
    warn('allowed_origins', 'lets any web page use the gateway with a key it knows: name the pages instead of *');
  }
  if (general.allow_requests_on_db_unavailable === true) {
    warn(
      'allow_requests_on_db_unavailable',
      'has no effect on purpose: nobody is let in because a check could not be made',
    );
  }
  return problems;
}
