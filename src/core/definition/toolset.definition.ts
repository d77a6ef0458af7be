import { isRecord, listOf, text, type FieldIssue } from './field-checks.js';
import { Field } from './field-decorators.js';
import { describedAs, schemaOf } from './field-schema.js';
import { PageQuery } from './page-query.definition.js';
import { setNameFault } from './set-name.js';

/** Tools one toolset may hold. */
const TOOLS_MAX = 10_000;

/** One tool of a toolset. */
export interface ToolsetToolDefinition {
  /** Id, name or alias. */
  readonly server_id: string;
  /** As the server calls it, or with its prefix. */
  readonly tool_name: string;
}

function toolsetName(value: unknown): readonly FieldIssue[] {
  const issues = text(value);
  if (issues.length > 0 || typeof value !== 'string') return issues;
  const fault = setNameFault(value);
  return fault === undefined ? [] : [{ at: [], message: fault }];
}

function toolsetTool(value: unknown): readonly FieldIssue[] {
  if (!isRecord(value)) return [{ at: [], message: 'must be a mapping with server_id and tool_name' }];
  return ['server_id', 'tool_name'].flatMap((name) => {
    const member = value[name];
    const issues = member === '' ? [{ at: [], message: 'must not be empty' }] : text(member);
    return issues.map(({ at, message }) => ({ at: [name, ...at], message }));
  });
}

function toolsetTools(value: unknown): readonly FieldIssue[] {
  if (Array.isArray(value) && value.length > TOOLS_MAX) {
    return [{ at: [], message: `must not hold more than ${TOOLS_MAX} tools` }];
  }
  return listOf(toolsetTool)(value);
}

describedAs({ type: 'string' }, toolsetName);
describedAs(
  { type: 'object', properties: { server_id: { type: 'string' }, tool_name: { type: 'string' } } },
  toolsetTool,
);
describedAs({ type: 'array', items: schemaOf(toolsetTool) }, toolsetTools);

/** A toolset (reference §3.4): a named set of (server, tool). */
export class ToolsetDefinition {
  /** Of the toolset to change. */
  @Field(text)
  toolset_id?: string;

  /** Unique among toolsets, access groups and servers. */
  @Field(toolsetName)
  toolset_name?: string;

  @Field(text)
  description?: string;

  @Field(toolsetTools)
  tools?: ToolsetToolDefinition[];
}

/** `GET /v1/mcp/toolset`. Without a page: all at once. */
export class ToolsetListQuery extends PageQuery {}
