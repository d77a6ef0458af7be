import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';

/** Stands on the HTTP server before Express and takes MCP traffic; what it declines goes to Nest. */
@Injectable()
export class FrontDoor {
  /** True when the request is ours and will be answered here; false hands it to Nest. */
  take(_request: IncomingMessage, _response: ServerResponse): boolean {
    return false;
  }
}
