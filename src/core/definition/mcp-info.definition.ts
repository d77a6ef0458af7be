import { flag, mapOf, numberBetween, text } from './field-checks.js';
import { Field, Nested, toFlag, toNumber } from './field-decorators.js';

const price = numberBetween(0, 1_000_000, 'USD');

/** What calls of a server cost, in USD (reference §1.2). */
export class McpServerCostInfoDefinition {
  static readonly isOpen = true;

  @Field(price, toNumber)
  default_cost_per_query?: number;

  /** By the upstream's own tool name. */
  @Field(mapOf(price))
  tool_name_to_cost_per_query?: Record<string, number>;
}

/** Free-form facts about a server. The members named here have a meaning; all others are kept and given back. */
export class McpInfoDefinition {
  static readonly isOpen = true;

  @Field(text)
  server_name?: string;

  @Field(text)
  description?: string;

  @Field(text)
  logo_url?: string;

  @Field(flag, toFlag)
  is_public?: boolean;

  @Nested(McpServerCostInfoDefinition)
  mcp_server_cost_info?: McpServerCostInfoDefinition;
}
