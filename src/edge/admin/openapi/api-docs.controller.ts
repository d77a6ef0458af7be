import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';
import { Public } from '../auth/public.decorator.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { ApiDocument } from './api-document.js';
import { DOCS_PAGE, DOCS_POLICY, DOCS_START } from './docs-page.js';

const ASSETS = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const TYPE_OF_ASSET: ReadonlyMap<string, string> = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

/** The OpenAPI document and a page to browse it. */
@Controller()
export class ApiDocsController {
  constructor(private readonly document: ApiDocument) {}

  @Get('/openapi.json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  @RouteDoc('This document')
  async openapi(): Promise<string> {
    return this.document.text();
  }

  @Get('/docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', DOCS_POLICY)
  @RouteDoc('This document as a page')
  page(): string {
    return DOCS_PAGE;
  }

  @Get('/docs/start.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @RouteDoc('Starts the page')
  start(): string {
    return DOCS_START;
  }

  @Get('/docs/:asset')
  @Header('Cache-Control', 'max-age=3600')
  @RouteDoc('Program and style of the page')
  asset(@Param('asset') asset: string): StreamableFile {
    const type = TYPE_OF_ASSET.get(asset);
    if (type === undefined) throw new NotFoundException();
    return new StreamableFile(createReadStream(join(ASSETS, asset)), { type });
  }
}

/** The same without a credential: `general_settings.public_docs`. */
@Public()
@Controller()
export class PublicApiDocsController extends ApiDocsController {}
