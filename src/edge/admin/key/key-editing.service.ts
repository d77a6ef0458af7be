import { Injectable } from '@nestjs/common';
import { isRecord } from '../../../core/definition/field-checks.js';
import { formatFieldProblem, problemAt } from '../../../core/definition/field-problem.js';
import type { KeySelectionDefinition } from '../../../core/definition/key-selection.definition.js';
import { KeyUpdateDefinition } from '../../../core/definition/key-update.definition.js';
import { validateDefinition } from '../../../core/definition/validate-definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { Secret } from '../../../core/model/secret.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { Memberships } from '../membership/memberships.service.js';
import { refusalToWrite, type KeyCaller, type KeyRoute } from './key-access.js';
import type { Given } from './key-issuing.service.js';
import type { KeyRecord } from './key-record.js';
import { KeyRevisionService, type KeyRowChange } from './key-revision.service.js';
import { bodyProblems, refused } from './key-rules.js';
import { auditKey } from './key.presenter.js';
import { hashOfNamedKey, KEY_PARTS, KeyStore } from './key.store.js';

const BULK_MAX = 500;

/** What became of one key of many. */
export type BulkOutcome =
  | { readonly tokenHash: string; readonly record: KeyRecord }
  | { readonly tokenHash: string | null; readonly reason: string };

/** Changes keys that are there. */
@Injectable()
export class KeyEditingService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly store: KeyStore,
    private readonly memberships: Memberships,
    private readonly revision: KeyRevisionService,
  ) {}

  async update(actor: Principal, body: Given<KeyUpdateDefinition>): Promise<KeyRecord> {
    const { key: named } = body.definition;
    const problems = [...(named === undefined ? [missing('key')] : []), ...bodyProblems(body)];
    if (named === undefined || problems.length > 0) throw new ValidationFailed(problems);
    return this.#change(actor, named, '/key/update', 'updated', (unit, caller, key) =>
      this.revision.revise(unit, caller, key, body, '/key/update'),
    );
  }

  /** Each on its own: what does not fit is told, and keeps no other from being changed. */
  async updateMany(actor: Principal, bodies: readonly unknown[]): Promise<readonly BulkOutcome[]> {
    if (bodies.length === 0 || bodies.length > BULK_MAX) {
      throw new ValidationFailed([problemAt(['keys'], `must hold 1 to ${BULK_MAX} keys`)]);
    }
    const outcomes: BulkOutcome[] = [];
    for (const written of bodies) outcomes.push(await this.#updateOne(actor, written));
    return outcomes;
  }

  async #updateOne(actor: Principal, written: unknown): Promise<BulkOutcome> {
    if (!isRecord(written)) return { tokenHash: null, reason: 'must be a mapping with key and the fields to change' };
    const { value: definition, problems } = validateDefinition(KeyUpdateDefinition, written);
    const tokenHash = definition.key instanceof Secret ? hashOfNamedKey(definition.key) : null;
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) return { tokenHash, reason: errors.map(formatFieldProblem).join('; ') };
    try {
      const record = await this.update(actor, { definition, written });
      return { tokenHash: record.tokenHash, record };
    } catch (error) {
      if (error instanceof ValidationFailed) {
        return {
          tokenHash,
          reason: error.problems.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; '),
        };
      }
      if (error instanceof GatewayError && error.kind.status < 500) return { tokenHash, reason: error.publicMessage };
      throw error;
    }
  }

  async setBlocked(actor: Principal, named: Secret | undefined, blocked: boolean): Promise<KeyRecord> {
    if (named === undefined) throw new ValidationFailed([missing('key')]);
    const [route, action] = blocked ? (['/key/block', 'blocked'] as const) : (['/key/unblock', 'unblocked'] as const);
    return this.#change(actor, named, route, action, () => Promise.resolve({ blocked }));
  }

  /** Answers the key, and what it had spent. */
  async resetSpend(
    actor: Principal,
    named: Secret,
    resetTo: number | undefined,
  ): Promise<{ readonly record: KeyRecord; readonly previousSpend: number }> {
    if (resetTo === undefined) throw new ValidationFailed([missing('reset_to')]);
    let previousSpend = 0;
    const record = await this.#change(actor, named, '/key/reset_spend', 'spend_reset', (_unit, _caller, key) => {
      previousSpend = key.spend;
      if (resetTo < 0) throw refused('reset_to', 'reset_to must be >= 0');
      if (resetTo > key.spend)
        throw refused('reset_to', `reset_to (${resetTo}) must be <= current spend (${key.spend})`);
      if (key.maxBudget !== null && resetTo > key.maxBudget) {
        throw refused('reset_to', `reset_to (${resetTo}) must be <= max_budget (${key.maxBudget})`);
      }
      return Promise.resolve({ spend: resetTo });
    });
    return { record, previousSpend };
  }

  /** All or none of them. They stay for the audit and open nothing. Answers what was named: hashes, or aliases. */
  async remove(actor: Principal, { keys, key_aliases: aliases }: KeySelectionDefinition): Promise<readonly string[]> {
    if ((keys === undefined) === (aliases === undefined)) {
      throw new ValidationFailed([problemAt(['keys'], 'needed: either keys or key_aliases')]);
    }
    const hashes = keys?.map(hashOfNamedKey);
    return this.writer.write(actor, async (unit) => {
      const caller = await this.#caller(actor, unit);
      const found: readonly KeyRecord[] = await unit.tx.virtualKey.findMany({
        where: {
          deletedAt: null,
          ...(hashes === undefined ? { alias: { in: aliases ?? [] } } : { tokenHash: { in: hashes } }),
        },
        include: KEY_PARTS,
      });
      const named = [...new Set(hashes ?? aliases ?? [])];
      const present = new Set(found.map(({ tokenHash, alias }) => (hashes === undefined ? alias : tokenHash)));
      const absent = named.filter((name) => !present.has(name));
      if (absent.length > 0) throw new GatewayError('key/not_found', { detail: absent.join(', ') });
      for (const key of found) {
        const refusal = refusalToWrite(caller, key, '/key/delete');
        if (refusal !== undefined) throw refusal;
      }
      await markDeleted(unit, actor, found);
      return named;
    });
  }

  async #change(
    actor: Principal,
    named: Secret,
    route: KeyRoute,
    action: string,
    decide: (unit: ControlUnit, caller: KeyCaller, key: KeyRecord) => Promise<KeyRowChange>,
  ): Promise<KeyRecord> {
    return this.writer.write(actor, async (unit) => {
      const caller = await this.#caller(actor, unit);
      const key = await this.store.find(hashOfNamedKey(named), unit.tx);
      if (key === null) throw new GatewayError('key/not_found');
      const refusal = refusalToWrite(caller, key, route);
      if (refusal !== undefined) throw refusal;
      const change = await decide(unit, caller, key);
      const updatedBy = actor.userId ?? actor.id;
      const next: KeyRecord = await unit.tx.virtualKey.update({
        where: { id: key.id },
        data: { ...change, updatedBy },
        include: KEY_PARTS,
      });
      unit.changed('key', key.id);
      unit.audit({ action, objectKind: 'key', objectId: key.id, before: auditKey(key), after: auditKey(next) });
      return next;
    });
  }

  async #caller(actor: Principal, { tx }: ControlUnit): Promise<KeyCaller> {
    return { principal: actor, memberships: await this.memberships.of(actor, tx) };
  }
}

async function markDeleted(unit: ControlUnit, actor: Principal, keys: readonly KeyRecord[]): Promise<void> {
  const ids = keys.map(({ id }) => id);
  const deletedBy = actor.userId ?? actor.id;
  await unit.tx.virtualKey.updateMany({
    where: { id: { in: ids } },
    data: { deletedAt: new Date(), deletedBy, updatedBy: deletedBy },
  });
  await unit.tx.retiredKey.deleteMany({ where: { keyId: { in: ids } } });
  for (const key of keys) {
    unit.changed('key', key.id);
    unit.audit({ action: 'deleted', objectKind: 'key', objectId: key.id, before: auditKey(key) });
  }
}

function missing(field: string) {
  return problemAt([field], 'Field required');
}
