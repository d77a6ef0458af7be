import { listOf, mapOf, text } from './field-checks.js';
import { Field } from './field-decorators.js';

/**
 * `object_permission` of a key, team, organization, user or customer (reference §3.7). Three states: left out says nothing,
 * an empty list allows nothing. Members of the incumbent that concern no MCP server are kept and given back.
 */
export class ObjectPermissionDefinition {
  static readonly isOpen = true;

  /** Servers by id, name or alias; `no-mcp-servers`, `all-proxy-mcpservers`, `all-team-mcpservers`. */
  @Field(listOf(text))
  mcp_servers?: string[];

  @Field(listOf(text))
  mcp_access_groups?: string[];

  /** Server (id, name or alias) to the only tools granted there, by the server's own names. */
  @Field(mapOf(listOf(text)))
  mcp_tool_permissions?: Record<string, string[]>;

  /** Toolsets by id or name. */
  @Field(listOf(text))
  mcp_toolsets?: string[];

  @Field(listOf(text))
  vector_stores?: string[];

  @Field(listOf(text))
  agents?: string[];

  @Field(listOf(text))
  agent_access_groups?: string[];
}
