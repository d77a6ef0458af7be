import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { problemAt } from '../../../core/definition/field-problem.js';
import { KeyAliasesDefinition, KeyListDefinition } from '../../../core/definition/key-list.definition.js';
import { KeyNameDefinition, KeySelectionDefinition } from '../../../core/definition/key-selection.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { KeyReadingService } from './key-reading.service.js';
import { presentKey, presentKeyUser } from './key.presenter.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Reading virtual keys (reference §3.6): everybody what is theirs, admins everything. */
@Controller()
@OpenAiErrors()
export class KeyReadingController {
  constructor(private readonly reading: KeyReadingService) {}

  @Get('/key/info')
  @RouteDoc('One key; without a name the one the request came with')
  async info(@CurrentPrincipal() actor: Principal, @Query() { key }: KeyNameDefinition): Promise<object> {
    const record = await this.reading.info(actor, key);
    return { key: record.tokenHash, info: presentKey(record) };
  }

  @Post('/v2/key/info')
  @RouteDoc('Several keys')
  @HttpCode(200)
  async infos(@CurrentPrincipal() actor: Principal, @Body() { keys }: KeySelectionDefinition): Promise<object> {
    if (keys === undefined) throw new ValidationFailed([problemAt(['keys'], 'Field required')]);
    const records = await this.reading.infos(actor, keys);
    return { key: records.map(({ tokenHash }) => tokenHash), info: records.map(presentKey) };
  }

  @Get('/key/list')
  @RouteDoc('Keys the caller may see: filtered, sorted, by page')
  async list(@CurrentPrincipal() actor: Principal, @Query() query: KeyListDefinition): Promise<object> {
    const { page, size, result } = await this.reading.list(actor, query);
    const withUser = query.expand?.includes('user') === true;
    const whole = query.return_full_object === true || withUser;
    const keys = result.keys.map((record) => {
      if (!whole) return record.tokenHash;
      return { ...presentKey(record), ...(withUser ? { user: presentKeyUser(record) } : {}) };
    });
    return { keys, ...pages(page, size, result.total) };
  }

  @Get('/key/aliases')
  @RouteDoc('Aliases of keys the caller may see')
  async aliases(@CurrentPrincipal() actor: Principal, @Query() query: KeyAliasesDefinition): Promise<object> {
    const { page, size, result } = await this.reading.aliases(actor, query);
    return { aliases: result.aliases, ...pages(page, size, result.total) };
  }

  /** Whether what the key logs to can be reached. Keys log to nothing of their own. */
  @Post('/key/health')
  @RouteDoc('Whether what a key logs to can be reached')
  @HttpCode(200)
  health(): object {
    return { key: 'healthy', logging_callbacks: null };
  }
}

function pages(page: number, size: number, total: number): object {
  return { total_count: total, current_page: page, total_pages: Math.ceil(total / size) };
}
