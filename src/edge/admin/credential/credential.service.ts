import { Injectable } from '@nestjs/common';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import type { UserTokensDefinition } from '../../../core/definition/user-credential.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { Secret } from '../../../core/model/secret.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import { tokenRefusal } from '../../../state/credential/token-rules.js';
import type { UserCredentialKind } from '../../../state/credential/user-credential.js';
import { UserCredentials } from '../../../state/credential/user-credentials.js';
import { requireField } from '../auth/require-field.js';
import { ServerReading } from '../server/server-reading.service.js';
import { ownUser, userToDropFor, userToRead } from './credential-holder.js';
import {
  presentCredential,
  presentTokens,
  type PresentedCredential,
  type PresentedTokens,
} from './credential.presenter.js';

/** What users keep to use servers with: keys and tokens (reference §3.5). Everybody manages their own. */
@Injectable()
export class CredentialService {
  constructor(
    private readonly credentials: UserCredentials,
    private readonly reading: ServerReading,
    private readonly registry: RegistryService,
  ) {}

  async saveKey(caller: Principal, place: CallerPlace, handle: string, key: Secret, save: boolean) {
    const userId = ownUser(caller);
    const entry = this.#server(caller, place, handle);
    if (!entry.byok) {
      throw new GatewayError('credential/refused', {
        detail: `MCP Server ${entry.name} does not take keys of users: it is not is_byok`,
      });
    }
    const ref = { userId, serverId: entry.id, kind: 'byok' } as const;
    if (save) await this.credentials.save(caller, ref, { secret: key, address: credentialAddress(entry) });
    const kept = await this.credentials.get(ref);
    return { server_id: entry.id, has_credential: kept?.status === 'active' };
  }

  async saveTokens(
    caller: Principal,
    place: CallerPlace,
    handle: string,
    given: UserTokensDefinition,
  ): Promise<PresentedTokens> {
    const userId = ownUser(caller);
    const entry = this.#server(caller, place, handle);
    const { auth } = entry;
    if (auth.type !== 'oauth2' || auth.flow !== 'authorization_code') {
      throw new GatewayError('credential/refused', {
        detail: `MCP Server ${entry.name} does not take tokens of users: its auth_type is not interactive oauth2`,
      });
    }
    const unfit = tokenRefusal(auth.tokenValidation, requireField(given.access_token, 'access_token').reveal());
    if (unfit !== undefined)
      throw new GatewayError('credential/refused', { detail: `The token is not taken: ${unfit}` });
    const now = Date.now();
    const expiresAt = given.expires_in === undefined ? undefined : now + given.expires_in * 1_000;
    const tokens = {
      accessToken: requireField(given.access_token, 'access_token').reveal(),
      ...(given.refresh_token === undefined ? {} : { refreshToken: given.refresh_token.reveal() }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(given.scopes === undefined ? {} : { scope: given.scopes.join(' ') }),
    };
    const ref = { userId, serverId: entry.id, kind: 'oauth' } as const;
    await this.credentials.save(caller, ref, {
      secret: new Secret(JSON.stringify(tokens)),
      address: credentialAddress(entry),
      expiresAt,
      keptUntil: auth.storageTtlSeconds === undefined ? undefined : now + auth.storageTtlSeconds * 1_000,
    });
    return presentTokens(entry.id, await this.credentials.get(ref), now);
  }

  async tokensStatus(
    caller: Principal,
    place: CallerPlace,
    handle: string,
    named: string | undefined,
  ): Promise<PresentedTokens> {
    const userId = userToRead(caller, named);
    const { id } = this.#server(caller, place, handle);
    return presentTokens(id, await this.credentials.get({ userId, serverId: id, kind: 'oauth' }), Date.now());
  }

  /** Of a user who cannot see the server any more too: what is theirs they may take away. */
  async drop(
    caller: Principal,
    place: CallerPlace,
    handle: string,
    kind: Exclude<UserCredentialKind, 'env'>,
    named: string | undefined,
  ) {
    const userId = userToDropFor(caller, named);
    const serverId = await this.#keptServer(caller, place, handle, userId);
    await this.credentials.drop(caller, { userId, serverId, kind });
    return kind === 'oauth'
      ? presentTokens(serverId, undefined, Date.now())
      : { server_id: serverId, has_credential: false };
  }

  /** In order of server. Of one server: what the user keeps for it. */
  async list(
    caller: Principal,
    place: CallerPlace,
    named: string | undefined,
    handle?: string,
  ): Promise<readonly PresentedCredential[]> {
    const userId = userToRead(caller, named);
    const serverId = handle === undefined ? undefined : await this.#keptServer(caller, place, handle, userId);
    const visible = new Map(this.reading.visible(caller, place).map((entry) => [entry.id, entry]));
    const all = await this.credentials.ofUser(userId);
    return all
      .filter((kept) => serverId === undefined || kept.serverId === serverId)
      .map((kept) => presentCredential(kept, visible.get(kept.serverId)));
  }

  /** By id, name or alias. Absent and denied read the same. */
  #server(caller: Principal, place: CallerPlace, handle: string): ServerEntry {
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry !== undefined && this.reading.visible(caller, place).includes(entry)) return entry;
    throw notFound(handle);
  }

  async #keptServer(caller: Principal, place: CallerPlace, handle: string, userId: string): Promise<string> {
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry !== undefined && this.reading.visible(caller, place).includes(entry)) return entry.id;
    const id = entry?.id ?? handle;
    const all = await this.credentials.ofUser(userId);
    if (all.some(({ serverId }) => serverId === id)) return id;
    throw notFound(handle);
  }
}

function notFound(handle: string): GatewayError {
  return new GatewayError('server/not_found', { detail: `MCP Server with id ${handle} not found` });
}
