import type { Request, Response } from 'express';
import { Injectable } from '@nestjs/common';
import type { FlowKind } from './flow.store.js';

/** A browser that is back from the authorization server of a server, with the handle it was sent off with. */
export interface BrowserReturn {
  readonly request: Request;
  readonly response: Response;
  /** What was kept under the handle; taken, so it comes once. */
  readonly payload: unknown;
  /** What the authorization server says; nothing of it is checked yet but `state`. */
  readonly parameters: URLSearchParams;
}

/** A flow that sends browsers to servers to sign in, and goes on when they are back at {@link CALLBACK_PATH}. */
export interface UpstreamReturn {
  readonly kind: FlowKind;
  resume(back: BrowserReturn): Promise<void>;
}

/** The one address of the gateway where browsers come back to: what is registered with authorization servers of servers. */
export const CALLBACK_PATH = '/callback';

/** The flows there are. Each adds itself when the application starts. */
@Injectable()
export class UpstreamReturns {
  readonly #flows: UpstreamReturn[] = [];

  add(flow: UpstreamReturn): void {
    this.#flows.push(flow);
  }

  all(): readonly UpstreamReturn[] {
    return this.#flows;
  }
}
