import { Injectable } from '@nestjs/common';
import { endOfDuration, parseDuration } from '../../../core/definition/duration.js';
import type { KeyGenerateDefinition } from '../../../core/definition/key-generate.definition.js';
import { isNoGrace, type KeyRegenerateDefinition } from '../../../core/definition/key-regenerate.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Secret } from '../../../core/model/secret.js';
import { generateKey } from '../../../platform/crypto/generate-key.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import { Memberships } from '../membership/memberships.service.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { refusalToReissue, refusalToWrite } from './key-access.js';
import { nextRotation } from './key-changes.js';
import type { KeyRecord } from './key-record.js';
import { freshHash, keyName, KeyRevisionService } from './key-revision.service.js';
import { bodyProblems, refused } from './key-rules.js';
import { auditKey } from './key.presenter.js';
import { hashOfNamedKey, KEY_PARTS, KeyStore } from './key.store.js';

/** A key at the one moment it can be read. */
export interface IssuedKey {
  readonly plain: Secret;
  readonly record: KeyRecord;
}

/** A body with what was written, where null differs from nothing. */
export interface Given<T> {
  readonly definition: T;
  readonly written: Readonly<Record<string, unknown>>;
}

/** Makes keys, and makes them anew. */
@Injectable()
export class KeyIssuingService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly store: KeyStore,
    private readonly memberships: Memberships,
    private readonly revision: KeyRevisionService,
  ) {}

  /** A key for whom the body names; people who are no admins get their own. */
  async generate(actor: Principal, body: Given<KeyGenerateDefinition>): Promise<IssuedKey> {
    const userId = body.definition.user_id ?? (actor.role === 'proxy_admin' ? null : (actor.userId ?? null));
    return this.#create(actor, body, userId, '/key/generate');
  }

  /** A key of a team that belongs to nobody: it outlives the membership of whoever made it. */
  async generateForService(actor: Principal, body: Given<KeyGenerateDefinition>): Promise<IssuedKey> {
    if (body.definition.team_id === undefined) {
      throw refused(
        'team_id',
        'team_id is required for service account keys. Please specify `team_id` in the request body.',
      );
    }
    return this.#create(actor, body, null, '/key/service-account/generate');
  }

  async #create(
    actor: Principal,
    body: Given<KeyGenerateDefinition>,
    userId: string | null,
    route: '/key/generate' | '/key/service-account/generate',
  ): Promise<IssuedKey> {
    checkBody(body);
    const { definition } = body;
    const plain = definition.key ?? generateKey();
    const record = await this.writer.write(actor, async (unit) => {
      const caller = { principal: actor, memberships: await this.memberships.of(actor, unit.tx) };
      const owners = {
        userId,
        teamId: definition.team_id ?? null,
        organizationId: definition.organization_id ?? null,
      };
      const created = await this.revision.create(unit, caller, body, { ...owners, plain }, route);
      unit.changed('key', created.id);
      unit.audit({ action: 'created', objectKind: 'key', objectId: created.id, after: auditKey(created) });
      return created;
    });
    return { plain, record };
  }

  /**
   * A new secret for a key, which stays the same key: its id, owners, permissions, sessions. The former secret ends at once,
   * with all that were retired before it, or after the grace period.
   */
  async regenerate(
    actor: Principal,
    named: Secret | undefined,
    body: Given<KeyRegenerateDefinition>,
  ): Promise<IssuedKey> {
    const { definition } = body;
    if (definition.new_master_key !== undefined) {
      throw refused(
        'new_master_key',
        'The master key is set by LITELLM_MASTER_KEY or general_settings.master_key, not here',
      );
    }
    if (named === undefined) throw refused('key', 'Name the key to regenerate, as `key` or in the path');
    checkBody(body);
    const plain = definition.new_key ?? generateKey();
    const record = await this.writer.write(actor, async (unit) => {
      const caller = { principal: actor, memberships: await this.memberships.of(actor, unit.tx) };
      const key = await this.store.find(hashOfNamedKey(named), unit.tx);
      if (key === null) throw new GatewayError('key/not_found');
      const refusal = refusalToWrite(caller, key, '/key/regenerate') ?? refusalToReissue(caller, key);
      if (refusal !== undefined) throw refusal;
      const change = await this.revision.revise(unit, caller, key, body, '/key/regenerate');
      const now = new Date();
      const tokenHash = await freshHash(unit, plain);
      await retire(unit, key, definition.grace_period, now);
      const settings = change.settings as Record<string, string | number | boolean>;
      const rotation = nextRotation(settings, now);
      const next = await unit.tx.virtualKey.update({
        where: { id: key.id },
        data: {
          ...change,
          tokenHash,
          keyName: keyName(plain),
          rotationCount: { increment: 1 },
          lastRotatedAt: now,
          settings: { ...settings, ...(rotation === null ? {} : { key_rotation_at: rotation.toISOString() }) },
        },
        include: KEY_PARTS,
      });
      unit.changed('key', key.id);
      unit.audit({
        action: 'rotated',
        objectKind: 'key',
        objectId: key.id,
        before: auditKey(key),
        after: auditKey(next),
      });
      return next;
    });
    return { plain, record };
  }
}

async function retire({ tx }: ControlUnit, key: KeyRecord, grace: string | undefined, now: Date): Promise<void> {
  const duration = grace === undefined || isNoGrace(grace) ? undefined : parseDuration(grace);
  // Without a grace period the key leaked, or might have: then nothing that opened it before does.
  await tx.retiredKey.deleteMany({
    where: { keyId: key.id, ...(duration === undefined ? {} : { validTo: { lte: now } }) },
  });
  if (duration !== undefined) {
    await tx.retiredKey.create({
      data: { tokenHash: key.tokenHash, keyId: key.id, validTo: endOfDuration(now, duration) },
    });
  }
}

function checkBody(body: Given<KeyGenerateDefinition | KeyRegenerateDefinition>): void {
  const problems = bodyProblems(body);
  if (problems.length > 0) throw new ValidationFailed(problems);
}
