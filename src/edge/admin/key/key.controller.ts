import { Body, Controller, Header, HttpCode, Param, Post } from '@nestjs/common';
import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { KeyBulkUpdateDefinition } from '../../../core/definition/key-bulk-update.definition.js';
import { KeyGenerateDefinition } from '../../../core/definition/key-generate.definition.js';
import { KeyRegenerateDefinition } from '../../../core/definition/key-regenerate.definition.js';
import { KeyResetSpendDefinition } from '../../../core/definition/key-reset-spend.definition.js';
import { KeyNameDefinition, KeySelectionDefinition } from '../../../core/definition/key-selection.definition.js';
import { KeyUpdateDefinition } from '../../../core/definition/key-update.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { Secret } from '../../../core/model/secret.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { KeyEditingService } from './key-editing.service.js';
import { KeyIssuingService, type Given } from './key-issuing.service.js';
import { presentIssuedKey, presentKey } from './key.presenter.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Writing virtual keys (reference §3.6). Who may do what is decided by the services, key by key. */
@Controller('/key')
@OpenAiErrors()
export class KeyController {
  constructor(
    private readonly issuing: KeyIssuingService,
    private readonly editing: KeyEditingService,
  ) {}

  @Post('generate')
  @RouteDoc('Makes a key. The only answer that shows it')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async generate(
    @CurrentPrincipal() actor: Principal,
    @Body() definition: KeyGenerateDefinition,
    @RawBody() written: unknown,
  ): Promise<object> {
    const { plain, record } = await this.issuing.generate(actor, needed(definition, written));
    return presentIssuedKey(plain.reveal(), record);
  }

  @Post('service-account/generate')
  @RouteDoc('Makes a key of a team that belongs to no user')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async generateForService(
    @CurrentPrincipal() actor: Principal,
    @Body() definition: KeyGenerateDefinition,
    @RawBody() written: unknown,
  ): Promise<object> {
    const { plain, record } = await this.issuing.generateForService(actor, needed(definition, written));
    return presentIssuedKey(plain.reveal(), record);
  }

  @Post('regenerate')
  @RouteDoc('Makes a key anew under the same settings; the old one may live on for grace_period')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async regenerate(
    @CurrentPrincipal() actor: Principal,
    @Body() definition: KeyRegenerateDefinition,
    @RawBody() written: unknown,
  ): Promise<object> {
    const { plain, record } = await this.issuing.regenerate(actor, definition.key, given(definition, written));
    return presentIssuedKey(plain.reveal(), record);
  }

  @Post(':key/regenerate')
  @RouteDoc('Makes the key in the path anew')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async regenerateNamed(
    @CurrentPrincipal() actor: Principal,
    @Param('key') key: string,
    @Body() definition: KeyRegenerateDefinition,
    @RawBody() written: unknown,
  ): Promise<object> {
    const { plain, record } = await this.issuing.regenerate(actor, new Secret(key), given(definition, written));
    return presentIssuedKey(plain.reveal(), record);
  }

  @Post('update')
  @RouteDoc('Changes a key; null clears')
  @HttpCode(200)
  async update(
    @CurrentPrincipal() actor: Principal,
    @Body() definition: KeyUpdateDefinition,
    @RawBody() written: unknown,
  ): Promise<object> {
    const record = await this.editing.update(actor, given(definition, written));
    return { key: record.tokenHash, ...presentKey(record) };
  }

  @Post('bulk_update')
  @RouteDoc('Changes many keys, each on its own')
  @HttpCode(200)
  async bulkUpdate(@CurrentPrincipal() actor: Principal, @Body() { keys }: KeyBulkUpdateDefinition): Promise<object> {
    const outcomes = await this.editing.updateMany(actor, keys ?? []);
    return {
      total_requested: outcomes.length,
      successful_updates: outcomes.flatMap((outcome) =>
        'record' in outcome ? [{ key: outcome.tokenHash, key_info: presentKey(outcome.record) }] : [],
      ),
      failed_updates: outcomes.flatMap((outcome) =>
        'record' in outcome ? [] : [{ key: outcome.tokenHash, key_info: null, failed_reason: outcome.reason }],
      ),
    };
  }

  @Post('delete')
  @RouteDoc('Deletes keys')
  @HttpCode(200)
  async remove(@CurrentPrincipal() actor: Principal, @Body() selection: KeySelectionDefinition): Promise<object> {
    return { deleted_keys: await this.editing.remove(actor, selection) };
  }

  @Post(':key/reset_spend')
  @RouteDoc('Sets what a key has spent')
  @HttpCode(200)
  async resetSpend(
    @CurrentPrincipal() actor: Principal,
    @Param('key') key: string,
    @Body() { reset_to }: KeyResetSpendDefinition,
  ): Promise<object> {
    const { record, previousSpend } = await this.editing.resetSpend(actor, new Secret(key), reset_to);
    const shown = presentKey(record);
    return {
      key_hash: record.tokenHash,
      previous_spend: previousSpend,
      spend: record.spend,
      max_budget: record.maxBudget,
      budget_reset_at: shown['budget_reset_at'],
    };
  }

  @Post('block')
  @RouteDoc('Blocks a key')
  @HttpCode(200)
  async block(@CurrentPrincipal() actor: Principal, @Body() { key }: KeyNameDefinition): Promise<object> {
    return presentKey(await this.editing.setBlocked(actor, key, true));
  }

  @Post('unblock')
  @RouteDoc('Unblocks a key')
  @HttpCode(200)
  async unblock(@CurrentPrincipal() actor: Principal, @Body() { key }: KeyNameDefinition): Promise<object> {
    return presentKey(await this.editing.setBlocked(actor, key, false));
  }
}

function given<T>(definition: T, written: unknown): Given<T> {
  return { definition, written: isRecord(written) ? written : {} };
}

/** A body that did not arrive, say for its media type, must not make a key that nobody meant. */
function needed<T>(definition: T, written: unknown): Given<T> {
  if (!isRecord(written)) throw new ValidationFailed([problemAt([], 'must be a JSON object')]);
  return given(definition, written);
}
