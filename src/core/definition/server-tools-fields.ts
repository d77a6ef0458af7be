import { fileOrUrl, fingerprint, listOf, mapOf, oneOf, text } from './field-checks.js';
import { Field, Nested } from './field-decorators.js';
import { McpInfoDefinition } from './mcp-info.definition.js';
import { ServerOAuthFields } from './server-oauth-fields.js';

/** What a server offers and how that is shown (reference §1.2). */
export abstract class ServerToolsFields extends ServerOAuthFields {
  /** When not empty, only these tools; wins over `disallowed_tools`. With or without the server's prefix. */
  @Field(listOf(text))
  allowed_tools?: string[];

  @Field(listOf(text))
  disallowed_tools?: string[];

  /** Tool to the only argument names a call may carry; the tool with or without the server's prefix. */
  @Field(mapOf(listOf(text)))
  allowed_params?: Record<string, string[]>;

  @Field(mapOf(text))
  tool_name_to_display_name?: Record<string, string>;

  @Field(mapOf(text))
  tool_name_to_description?: Record<string, string>;

  /** Tool, as its server names it, to the fingerprint of its approved definition: others are not offered. Empty: all are. */
  @Field(mapOf(fingerprint))
  pinned_tools?: Record<string, string>;

  /** Replaces what the upstream says of itself in `initialize`. */
  @Field(text)
  instructions?: string;

  /** OpenAPI document, a file or a URL: its operations become tools. */
  @Field(fileOrUrl)
  spec_path?: string;

  /** `compat`: credentials of an OpenAPI server spelled as the incumbent does. */
  @Field(oneOf(['spec', 'compat']))
  openapi_auth?: 'spec' | 'compat';

  @Nested(McpInfoDefinition)
  mcp_info?: McpInfoDefinition;
}
