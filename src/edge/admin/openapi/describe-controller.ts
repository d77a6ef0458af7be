import { HTTP_CODE_METADATA, METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod, type Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import type * as swaggerPackage from '@nestjs/swagger';
import { describeFields, type DefinitionClass } from '../../../core/definition/field-decorators.js';
import { OPENAI_ERRORS } from '../auth/error-shape.decorator.js';
import { PUBLIC_ROUTE } from '../auth/public.decorator.js';
import { REQUIRED_ROLES } from '../auth/require-role.decorator.js';
import { ROUTE_DOC, type RouteDocumentation } from '../auth/route-doc.decorator.js';
import { schemaReference } from './definition-schema.js';
import { errorResponse } from './error-schemas.js';

type Swagger = typeof swaggerPackage;
type Handler = (...args: unknown[]) => unknown;

const described = new WeakSet<object>();

/**
 * Tells Nest's OpenAPI explorer what the decorators of our own say: summaries, bodies, success and refusals, credential.
 * Once for each handler, since decorators add up. Gives the definition classes that were met.
 */
export function describeController(swagger: Swagger, controller: Type): readonly DefinitionClass[] {
  const prototype = controller.prototype as Record<string, unknown>;
  const handlers = new MetadataScanner()
    .getAllMethodNames(prototype)
    .map((name) => ({ name, handler: prototype[name] as Handler }))
    .filter(({ handler }) => Reflect.hasMetadata(PATH_METADATA, handler));
  return handlers.flatMap(({ name, handler }) => {
    const documentation = Reflect.getMetadata(ROUTE_DOC, handler) as RouteDocumentation | undefined;
    const parameters = (Reflect.getMetadata('design:paramtypes', prototype, name) ?? []) as readonly unknown[];
    const definitions = [documentation?.body, ...parameters].filter(isDefinition);
    if (described.has(handler)) return definitions;
    described.add(handler);
    const decorators = routeDecorators(swagger, controller, handler, documentation, definitions);
    for (const decorate of decorators) decorate(prototype, name, { value: handler });
    return definitions;
  });
}

function routeDecorators(
  swagger: Swagger,
  controller: Type,
  handler: Handler,
  documentation: RouteDocumentation | undefined,
  definitions: readonly DefinitionClass[],
): readonly MethodDecorator[] {
  const said = (key: string): unknown => Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
  const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod;
  const shape = said(OPENAI_ERRORS) === true ? 'OpenAiError' : 'DetailError';
  const roles = said(REQUIRED_ROLES) as readonly string[] | undefined;
  const isPublic = said(PUBLIC_ROUTE) === true;
  const takesBody = method !== RequestMethod.GET && definitions.length > 0;
  const success =
    (Reflect.getMetadata(HTTP_CODE_METADATA, handler) as number | undefined) ??
    (method === RequestMethod.POST ? 201 : 200);
  const [body] = definitions;
  const decorators: MethodDecorator[] = [
    swagger.ApiResponse({ status: success, description: 'Done' }),
    swagger.ApiResponse({ status: '4XX', ...errorResponse('Refused, with the reason', shape) }),
  ];
  if (documentation !== undefined) decorators.push(swagger.ApiOperation({ summary: documentation.summary }));
  if (takesBody && body !== undefined) decorators.push(swagger.ApiBody({ schema: schemaReference(body) }));
  if (definitions.length > 0) {
    const response = errorResponse('Fields that do not fit, each with the reason', 'ValidationError');
    decorators.push(swagger.ApiResponse({ status: 422, ...response }));
  }
  if (!isPublic) {
    decorators.push(
      swagger.ApiSecurity('GatewayKey'),
      swagger.ApiSecurity('Bearer'),
      swagger.ApiSecurity('ApiKey'),
      swagger.ApiResponse({ status: 401, ...errorResponse('No valid credential', shape) }),
    );
  }
  if (roles !== undefined) {
    const description = `Not one of the roles ${roles.join(', ')}`;
    decorators.push(swagger.ApiResponse({ status: 403, ...errorResponse(description, shape) }));
  }
  if (!takesBody) {
    for (const definition of definitions) decorators.push(...queryDecorators(swagger, definition));
  }
  for (const [name, description] of Object.entries(documentation?.query ?? {})) {
    decorators.push(swagger.ApiQuery({ name, description, required: false, schema: { type: 'string' } }));
  }
  return decorators;
}

/** One parameter for each field. */
function queryDecorators(swagger: Swagger, definition: DefinitionClass): readonly MethodDecorator[] {
  return [...describeFields(definition)].flatMap(([name, field]) =>
    typeof field === 'function'
      ? []
      : [swagger.ApiQuery({ name, required: false, schema: field as Readonly<Record<string, unknown>> })],
  );
}

function isDefinition(type: unknown): type is DefinitionClass {
  return typeof type === 'function' && describeFields(type as DefinitionClass).size > 0;
}
