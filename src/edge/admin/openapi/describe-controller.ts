import { HTTP_CODE_METADATA, METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { RequestMethod, type Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import type * as swaggerPackage from '@nestjs/swagger';
import { describeFields, type DefinitionClass } from '../../../core/definition/field-decorators.js';
import { OPENAI_ERRORS } from '../auth/error-shape.decorator.js';
import { PUBLIC_ROUTE } from '../auth/public.decorator.js';
import { REQUIRED_ROLES } from '../auth/require-role.decorator.js';
import { ROUTE_DOC, type RouteDocumentation } from '../auth/route-doc.decorator.js';
import { schemaReference } from './definition-schema.js';
import { errorResponse, type ErrorSchemaName } from './error-schemas.js';

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
    const queries = definitionsAt(RouteParamtypes.QUERY, controller, name);
    const bodies = definitionsAt(RouteParamtypes.BODY, controller, name);
    const body = documentation?.body ?? bodies[0];
    if (!described.has(handler)) {
      described.add(handler);
      const decorators = [
        ...refusals(swagger, controller, handler, body !== undefined || queries.length > 0),
        swagger.ApiResponse({ status: successOf(handler), description: 'Done' }),
        ...(documentation === undefined ? [] : [swagger.ApiOperation({ summary: documentation.summary })]),
        ...(body === undefined ? [] : [swagger.ApiBody({ schema: schemaReference(body) })]),
        ...queries.flatMap((query) => queryDecorators(swagger, query)),
        ...Object.entries(documentation?.query ?? {}).map(([parameter, description]) =>
          swagger.ApiQuery({ name: parameter, description, required: false, schema: { type: 'string' } }),
        ),
      ];
      for (const decorate of decorators) decorate(prototype, name, { value: handler });
    }
    return [...queries, ...bodies, ...(body === undefined ? [] : [body])];
  });
}

/** Who is let in, and what the others read. */
function refusals(
  swagger: Swagger,
  controller: Type,
  handler: Handler,
  isValidated: boolean,
): readonly MethodDecorator[] {
  const said = (key: string): unknown => Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
  const shape = said(OPENAI_ERRORS) === true ? 'OpenAiError' : 'DetailError';
  const roles = said(REQUIRED_ROLES) as readonly string[] | undefined;
  const response = (status: number | '4XX', description: string, name: ErrorSchemaName = shape) =>
    swagger.ApiResponse({ status, ...errorResponse(description, name) });
  return [
    response('4XX', 'Refused, with the reason'),
    ...(isValidated ? [response(422, 'Fields that do not fit, each with the reason', 'ValidationError')] : []),
    ...(roles === undefined ? [] : [response(403, `Not one of the roles ${roles.join(', ')}`)]),
    ...(said(PUBLIC_ROUTE) === true
      ? []
      : [
          swagger.ApiSecurity('GatewayKey'),
          swagger.ApiSecurity('Bearer'),
          swagger.ApiSecurity('ApiKey'),
          response(401, 'No valid credential'),
        ]),
  ];
}

function successOf(handler: Handler): number {
  const status = Reflect.getMetadata(HTTP_CODE_METADATA, handler) as number | undefined;
  return status ?? (Reflect.getMetadata(METHOD_METADATA, handler) === RequestMethod.POST ? 201 : 200);
}

/** The definition classes of the parameters that are the whole query, or the whole body. */
function definitionsAt(place: RouteParamtypes, controller: Type, name: string): readonly DefinitionClass[] {
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, name) ??
    []) as readonly unknown[];
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Readonly<
    Record<string, { readonly index: number; readonly data?: unknown }>
  >;
  return Object.entries(parameters)
    .filter(([key, { data }]) => key.startsWith(`${place}:`) && data === undefined)
    .map(([, { index }]) => types[index])
    .filter(isDefinition);
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
