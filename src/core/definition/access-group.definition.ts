import { listOf, text, type FieldIssue } from './field-checks.js';
import { Field } from './field-decorators.js';
import { describedAs } from './field-schema.js';
import { PageQuery } from './page-query.definition.js';
import { setNameFault } from './set-name.js';

/** Members of one list. */
const ENTRIES_MAX = 10_000;

function groupName(value: unknown): readonly FieldIssue[] {
  const issues = text(value);
  if (issues.length > 0 || typeof value !== 'string') return issues;
  const fault = setNameFault(value);
  return fault === undefined ? [] : [{ at: [], message: fault }];
}

function names(value: unknown): readonly FieldIssue[] {
  if (Array.isArray(value) && value.length > ENTRIES_MAX) {
    return [{ at: [], message: `must not hold more than ${ENTRIES_MAX} entries` }];
  }
  return listOf(text)(value);
}

describedAs({ type: 'string' }, groupName);
describedAs({ type: 'array', items: { type: 'string' } }, names);

/** A unified access group (reference §3.2). What concerns no MCP server is kept and given back. */
export class AccessGroupDefinition {
  static readonly isOpen = true;

  /** Unique among access groups, toolsets and servers. */
  @Field(groupName)
  access_group_name?: string;

  @Field(text)
  description?: string;

  /** Servers by id, name or alias. */
  @Field(names)
  access_mcp_server_ids?: string[];

  /** Teams that have the group through `access_group_ids`. */
  @Field(names)
  assigned_team_ids?: string[];

  /** Keys, by hash, that have the group through `access_group_ids`. */
  @Field(names)
  assigned_key_ids?: string[];

  @Field(names)
  access_model_names?: string[];

  @Field(names)
  access_agent_ids?: string[];
}

/** `GET /v1/access_group`. Without a page: all at once. */
export class AccessGroupListQuery extends PageQuery {}
