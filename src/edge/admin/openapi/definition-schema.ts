import { describeFields, type DefinitionClass } from '../../../core/definition/field-decorators.js';
import type { FieldSchema } from '../../../core/definition/field-schema.js';

/** JSON Schema of an object, as it stands under `components/schemas`. */
export interface DefinitionSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, FieldSchema | { readonly $ref: string }>>;
  readonly additionalProperties?: true;
}

/** `KeyGenerateDefinition` → `KeyGenerate`. */
export function schemaName(type: DefinitionClass): string {
  return type.name.replace(/Definition$/, '');
}

export function schemaReference(type: DefinitionClass): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${schemaName(type)}` };
}

/** Schemas of these classes and of all that is nested in them, by name. */
export function definitionSchemas(types: Iterable<DefinitionClass>): Readonly<Record<string, DefinitionSchema>> {
  const schemas = new Map<string, DefinitionSchema>();
  const waiting = [...types];
  for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
    if (schemas.has(schemaName(type))) continue;
    const fields = [...describeFields(type)];
    const isOpen = (type as { readonly isOpen?: unknown }).isOpen === true;
    schemas.set(schemaName(type), {
      type: 'object',
      properties: Object.fromEntries(
        fields.map(([name, field]) => [name, typeof field === 'function' ? schemaReference(field) : field]),
      ),
      ...(isOpen ? { additionalProperties: true } : {}),
    });
    for (const [, field] of fields) if (typeof field === 'function') waiting.push(field);
  }
  return Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
}
