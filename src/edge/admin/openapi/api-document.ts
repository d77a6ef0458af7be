import type { INestApplication, Type } from '@nestjs/common';
import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { PRODUCT } from '../../../core/protocol/product.js';
import { DOOR_SETTINGS } from '../../../platform/config/tokens.js';
import type { DoorSettings } from '../../../platform/config/settings.js';
import { DATA_PLANE_PATHS } from './data-plane-paths.js';
import { definitionSchemas } from './definition-schema.js';
import { describeController } from './describe-controller.js';
import { ERROR_SCHEMAS } from './error-schemas.js';

const DESCRIPTION = `Every address of the gateway. A field that is null is read as left out; where something is changed,
null clears it. Fields nobody knows are ignored. Secrets are taken and never given back.`.replaceAll('\n', ' ');

/**
 * The OpenAPI document of this gateway, made when it is first asked for and kept. The generator is loaded then too: most
 * processes never need it, and it would make each of them start later.
 */
@Injectable()
export class ApiDocument {
  #app: INestApplication | undefined;
  #text: Promise<string> | undefined;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(DOOR_SETTINGS) private readonly settings: DoorSettings,
  ) {}

  /** Whose routes are described. To be called before the first request. */
  describe(app: INestApplication): void {
    this.#app = app;
  }

  /** JSON, formatted for people and for `diff`. */
  text(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    if (this.#text === undefined) {
      this.#text = promise;
      this.#build().then((document) => resolve(`${JSON.stringify(document, undefined, 2)}\n`), reject);
    }
    return this.#text;
  }

  async #build(): Promise<object> {
    if (this.#app === undefined) throw new Error('no application to describe');
    const swagger = await import('@nestjs/swagger');
    const controllers = [...this.modules.values()].flatMap((module) => [...module.controllers.values()]);
    const definitions = controllers.flatMap(({ metatype }) => describeController(swagger, metatype as Type));
    const config = new swagger.DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle(PRODUCT.title)
      .setDescription(DESCRIPTION)
      .setVersion(PRODUCT.version)
      .addServer(this.settings.rootPath === '' ? '/' : this.settings.rootPath)
      .addApiKey(
        { type: 'apiKey', in: 'header', name: 'x-litellm-api-key', description: '`Bearer sk-…`' },
        'GatewayKey',
      )
      .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'Bearer')
      .addApiKey({ type: 'apiKey', in: 'header', name: 'x-api-key' }, 'ApiKey')
      .build();
    const document = swagger.SwaggerModule.createDocument(this.#app, config, {
      autoTagControllers: false,
      operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
    });
    return {
      ...document,
      paths: tagged(inOrder({ ...document.paths, ...DATA_PLANE_PATHS })),
      components: {
        ...document.components,
        // Ours instead of what the generator saw of the classes: they have no types at run time but these.
        schemas: { ...definitionSchemas(definitions), ...ERROR_SCHEMAS },
      },
    };
  }
}

/** By path: the order in which modules were loaded says nothing to a reader. */
function inOrder(paths: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Operations are grouped by what their path is about: `/v1/mcp/server/{id}` and `/server` by `server`. */
function tagged(paths: Readonly<Record<string, object>>): object {
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => {
      const tags = [/^(?:\/v[\d.]+)?(?:\/mcp)?\/(?:\{\w+\}\/)?([^/]+)/.exec(path)?.[1] ?? 'mcp'];
      const operations = Object.entries(methods as Readonly<Record<string, object>>);
      return [path, Object.fromEntries(operations.map(([method, operation]) => [method, { tags, ...operation }]))];
    }),
  );
}
