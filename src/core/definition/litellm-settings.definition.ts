import { anything, flag, integerBetween, listOf, mapOf, numberBetween, text } from './field-checks.js';
import { Field, Nested, toFlag, toNumber } from './field-decorators.js';

/** `litellm_settings.mcp_semantic_tool_filter` (reference §1.4). */
export class SemanticToolFilterDefinition {
  @Field(flag, toFlag)
  enabled?: boolean;

  @Field(text)
  embedding_model?: string;

  @Field(integerBetween(1, 1_000), toNumber)
  top_k?: number;

  @Field(numberBetween(0, 1), toNumber)
  similarity_threshold?: number;
}

/** `litellm_settings.mcp_tool_search` (reference §1.4). */
export class ToolSearchDefinition {
  @Field(text)
  embedding_model?: string;

  @Field(integerBetween(1, 100), toNumber)
  top_k?: number;

  @Field(numberBetween(0, 1), toNumber)
  similarity_threshold?: number;

  @Field(listOf(text))
  core_tools?: string[];
}

/** The part of `litellm_settings` that concerns MCP (reference §1.4). */
export class LitellmSettingsDefinition {
  /** Alias to server name; a server takes the first alias that names it, unless it has one of its own. */
  @Field(mapOf(text))
  mcp_aliases?: Record<string, string>;

  @Field(listOf(text))
  public_mcp_servers?: string[];

  @Nested(SemanticToolFilterDefinition)
  mcp_semantic_tool_filter?: SemanticToolFilterDefinition;

  @Nested(ToolSearchDefinition)
  mcp_tool_search?: ToolSearchDefinition;

  @Field(flag, toFlag)
  store_audit_logs?: boolean;

  /** Of the incumbent; not run here. */
  @Field(anything)
  callbacks?: unknown;
}
