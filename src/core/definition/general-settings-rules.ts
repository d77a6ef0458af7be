import { type FieldProblem, problemAt } from './field-problem.js';
import type { GeneralSettingsDefinition } from './general-settings.definition.js';
import { generalSettingsWithoutEffect } from './settings-without-effect.js';

/** What is to be said of settings that are valid one by one. Paths are relative to `general_settings`. */
export function checkGeneralSettingsRules(general: GeneralSettingsDefinition): readonly FieldProblem[] {
  const problems = [...generalSettingsWithoutEffect(general)];
  if (general.allowed_origins?.includes('*') === true) {
    const message = 'lets any web page use the gateway with a key it knows: name the pages instead of *';
    problems.push(problemAt(['allowed_origins'], message, 'warning'));
  }
  return problems;
}
