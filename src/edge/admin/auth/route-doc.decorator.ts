import { SetMetadata } from '@nestjs/common';
import type { DefinitionClass } from '../../../core/definition/field-decorators.js';

export const ROUTE_DOC = 'gatehouse:route-doc';

/** What a route says about itself in the OpenAPI document, beyond what its signature says. */
export interface RouteDocumentation {
  readonly summary: string;
  /** The body, where the handler takes it unread. */
  readonly body?: DefinitionClass;
  /** Query parameters that are not in a class, each with what it does. */
  readonly query?: Readonly<Record<string, string>>;
}

/** One sentence on the route, as it stands in the OpenAPI document. Every controller route has one (a test looks). */
export const RouteDoc = (summary: string, more: Omit<RouteDocumentation, 'summary'> = {}): MethodDecorator =>
  SetMetadata(ROUTE_DOC, { summary, ...more } satisfies RouteDocumentation);
