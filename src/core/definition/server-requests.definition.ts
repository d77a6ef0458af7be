import { listOf, mapOf, record, text } from './field-checks.js';
import { Field } from './field-decorators.js';

/** `PUT /v1/mcp/server/{id}/reject`. */
export class RejectionBodyDefinition {
  @Field(text)
  review_notes?: string;
}

/** `POST /v1/mcp/make_public`: the whole hub, not what is added to it. */
export class PublicServersDefinition {
  @Field(listOf(text))
  mcp_server_ids?: string[];
}

/** `POST /v1/mcp/server/import`: what clients of MCP keep; `servers` is VS Code's spelling. */
export class ClientServersDefinition {
  @Field(mapOf(record))
  mcpServers?: Record<string, Record<string, unknown>>;

  @Field(mapOf(record))
  servers?: Record<string, Record<string, unknown>>;
}
