import { Injectable } from '@nestjs/common';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { Secret } from '../../../core/model/secret.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import { readVariables } from '../../../state/credential/read-variables.js';
import { userVariableNames } from '../../../state/credential/user-variable-names.js';
import { UserCredentials } from '../../../state/credential/user-credentials.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { ServerReading } from '../server/server-reading.service.js';
import { ownUser, userToDropFor, userToRead } from './credential-holder.js';
import { presentVariables, type PresentedVariables, type UserVariable } from './credential.presenter.js';

/** Values that each user gives for a server's variables (reference §3.5). They are written, and never read back. */
@Injectable()
export class UserVariablesService {
  constructor(
    private readonly credentials: UserCredentials,
    private readonly reading: ServerReading,
    private readonly registry: RegistryService,
  ) {}

  async get(
    caller: Principal,
    place: CallerPlace,
    handle: string,
    named: string | undefined,
  ): Promise<PresentedVariables> {
    const userId = userToRead(caller, named);
    return this.#present(userId, this.#server(caller, place, handle));
  }

  /** What is not named stays; an empty value takes it back. */
  async save(
    caller: Principal,
    place: CallerPlace,
    handle: string,
    values: Readonly<Record<string, Secret>>,
  ): Promise<PresentedVariables> {
    const userId = ownUser(caller);
    const entry = this.#server(caller, place, handle);
    const names = new Set(this.#variables(entry).map(({ name }) => name));
    if (names.size === 0) {
      throw new GatewayError('credential/refused', { detail: `MCP Server ${entry.name} has no variables of users` });
    }
    const unknown = Object.keys(values).filter((name) => !names.has(name));
    if (unknown.length > 0) {
      const known = [...names].join(', ');
      throw new ValidationFailed(unknown.map((name) => problemAt(['values', name], `is none of ${known}`)));
    }
    const ref = { userId, serverId: entry.id, kind: 'env' } as const;
    await this.credentials.change(caller, ref, (before) => {
      // Values that were given for another address are not taken along to this one.
      const kept = before?.address === credentialAddress(entry) ? readVariables(before) : new Map<string, string>();
      const merged = new Map([...kept].filter(([name]) => names.has(name)));
      for (const [name, value] of Object.entries(values)) {
        if (value.reveal() === '') merged.delete(name);
        else merged.set(name, value.reveal());
      }
      if (merged.size === 0) return undefined;
      return { secret: new Secret(JSON.stringify(Object.fromEntries(merged))), address: credentialAddress(entry) };
    });
    return this.#present(userId, entry);
  }

  async drop(
    caller: Principal,
    place: CallerPlace,
    handle: string,
    named: string | undefined,
  ): Promise<PresentedVariables> {
    const userId = userToDropFor(caller, named);
    const entry = this.#server(caller, place, handle);
    await this.credentials.drop(caller, { userId, serverId: entry.id, kind: 'env' });
    return this.#present(userId, entry);
  }

  /** Of every server the caller may see that has variables of users. */
  async list(caller: Principal, place: CallerPlace, named: string | undefined): Promise<readonly PresentedVariables[]> {
    const userId = userToRead(caller, named);
    const entries = this.reading.visible(caller, place).filter((entry) => this.#variables(entry).length > 0);
    return Promise.all(entries.map((entry) => this.#present(userId, entry)));
  }

  async #present(userId: string, entry: ServerEntry): Promise<PresentedVariables> {
    const kept = await this.credentials.get({ userId, serverId: entry.id, kind: 'env' });
    const isUsable = kept?.status === 'active' && kept.address === credentialAddress(entry);
    return presentVariables(entry, this.#variables(entry), new Set(isUsable ? readVariables(kept).keys() : []));
  }

  /** In the order of the definition. */
  #variables(entry: ServerEntry): readonly UserVariable[] {
    const names = userVariableNames(entry);
    if (names.length === 0) return [];
    const definition = this.registry.definitionOf(entry);
    const written: readonly unknown[] = [definition?.env, definition?.header_variables].flatMap((list) =>
      Array.isArray(list) ? (list as readonly unknown[]) : [],
    );
    return names.map((name) => ({
      name,
      description: written.flatMap((one) =>
        isRecord(one) && one['name'] === name && typeof one['description'] === 'string' ? [one['description']] : [],
      )[0],
    }));
  }

  /** By id, name or alias. Absent and denied read the same. */
  #server(caller: Principal, place: CallerPlace, handle: string): ServerEntry {
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry !== undefined && this.reading.visible(caller, place).includes(entry)) return entry;
    throw new GatewayError('server/not_found', { detail: `MCP Server with id ${handle} not found` });
  }
}
