import { Module, type DynamicModule } from '@nestjs/common';
import { ApiDocsController, PublicApiDocsController } from './api-docs.controller.js';
import { ApiDocument } from './api-document.js';

/** `/openapi.json` and `/docs`: for whoever has a key, or for everybody. */
@Module({})
export class OpenApiModule {
  static forRoot(isPublic: boolean): DynamicModule {
    return {
      module: OpenApiModule,
      controllers: [isPublic ? PublicApiDocsController : ApiDocsController],
      providers: [ApiDocument],
      exports: [ApiDocument],
    };
  }
}
