import { isRecord } from '../../../core/definition/field-checks.js';

/**
 * Which of the fields that submissions must fill (`mcp_required_fields`) a body leaves out or empty. A dot leads inside:
 * `mcp_info.description`.
 */
export function missingFields(body: unknown, required: readonly string[]): readonly string[] {
  return required.filter((path) => {
    let value = body;
    for (const step of path.split('.')) value = isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    if (value === undefined || value === null || value === '') return true;
    return typeof value === 'object' && Object.keys(value).length === 0;
  });
}
