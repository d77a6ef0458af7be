import { Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { isInteractive } from '../../core/access/interactive-server.js';
import { resolveView } from '../../core/access/resolve-view.js';
import { SCOPE_ALL } from '../../core/access/request-scope.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Principal } from '../../core/model/principal.js';
import { Secret } from '../../core/model/secret.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { UpstreamTokenSet } from '../../engine/upstream/oauth/upstream-token-set.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { credentialAddress } from '../../state/credential/credential-address.js';
import { readVariables } from '../../state/credential/read-variables.js';
import { tokenRefusal } from '../../state/credential/token-rules.js';
import type { UserCredential, UserCredentialKind } from '../../state/credential/user-credential.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';
import { userVariableNames } from '../../state/credential/user-variable-names.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** Somebody who keeps something here. */
export type Person = Principal & { readonly userId: string };

/** What a person keeps for one server, as far as it may be used where the server is now. */
export interface Kept {
  readonly tokens: UserCredential | undefined;
  readonly hasKey: boolean;
  readonly variables: ReadonlyMap<string, string>;
}

/** What users keep for servers, as the pages see it. */
@Injectable()
export class Connections {
  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(UserCredentials) private readonly credentials: UserCredentials,
    @Inject(PublicAddress) private readonly address: PublicAddress,
  ) {}

  /** @throws OAuthRefusal when nothing can be kept for them. */
  personOf(principal: Principal): Person {
    const { userId } = principal;
    if (userId !== undefined) return { ...principal, userId };
    throw new OAuthRefusal(
      'access_denied',
      'the key you signed in with belongs to no user, so nothing can be kept for it',
      403,
    );
  }

  /** A server that wants something of its users, by name, alias or id. What they may not see is as absent. @throws OAuthRefusal, 404. */
  serverFor(request: Request, principal: Principal, handle: string): ServerEntry {
    const snapshot = this.registry.current;
    const entry = snapshot.byHandle.get(handle.toLowerCase());
    const place = { external: this.address.isExternal(request) };
    const decision = resolveView(snapshot, principal, SCOPE_ALL, place);
    const isSeen = entry !== undefined && decision.kind === 'view' && decision.view.byServerId.has(entry.id);
    if (isSeen && wantsSomething(entry)) return entry;
    throw new OAuthRefusal('invalid_request', 'there is no server of this name to connect to', 404);
  }

  /** The same server later on; undefined when it is gone. */
  serverById(id: string): ServerEntry | undefined {
    return this.registry.current.byId.get(id);
  }

  async keptBy({ userId }: Person, entry: ServerEntry): Promise<Kept> {
    const of = async (kind: UserCredentialKind): Promise<UserCredential | undefined> => {
      const kept = await this.credentials.get({ userId, serverId: entry.id, kind });
      return kept?.address === credentialAddress(entry) || kept?.status === 'needs_reauth' ? kept : undefined;
    };
    const [tokens, key, variables] = await Promise.all([of('oauth'), of('byok'), of('env')]);
    return {
      tokens,
      hasKey: key?.status === 'active',
      variables: variables === undefined ? new Map() : readVariables(variables),
    };
  }

  /** @throws GatewayError `credential/refused` when `token_validation` does not take it. */
  async keepTokens(person: Person, entry: ServerEntry, set: UpstreamTokenSet): Promise<void> {
    if (!isInteractive(entry))
      throw new GatewayError('credential/refused', { detail: `${entry.name} takes no logins` });
    const { tokenValidation, storageTtlSeconds } = entry.auth;
    const unfit = tokenRefusal(tokenValidation, set.accessToken);
    if (unfit !== undefined)
      throw new GatewayError('credential/refused', { detail: `The token is not taken: ${unfit}` });
    await this.credentials.save(person, ref(person, entry, 'oauth'), {
      secret: new Secret(JSON.stringify(set)),
      address: credentialAddress(entry),
      expiresAt: set.expiresAt,
      keptUntil: storageTtlSeconds === undefined ? undefined : Date.now() + storageTtlSeconds * 1_000,
    });
  }

  async keepKey(person: Person, entry: ServerEntry, key: Secret): Promise<void> {
    await this.credentials.save(person, ref(person, entry, 'byok'), { secret: key, address: credentialAddress(entry) });
  }

  /** What is not named stays. */
  async keepVariables(person: Person, entry: ServerEntry, values: ReadonlyMap<string, string>): Promise<void> {
    await this.credentials.change(person, ref(person, entry, 'env'), (before) => {
      const kept = before?.address === credentialAddress(entry) ? readVariables(before) : new Map<string, string>();
      const names = new Set(userVariableNames(entry));
      const merged = [...kept, ...values].filter(([name]) => names.has(name));
      return { secret: new Secret(JSON.stringify(Object.fromEntries(merged))), address: credentialAddress(entry) };
    });
  }

  async dropTokens(person: Person, entry: ServerEntry): Promise<void> {
    await this.credentials.drop(person, ref(person, entry, 'oauth'));
  }
}

function wantsSomething(entry: ServerEntry): boolean {
  return isInteractive(entry) || entry.byok || userVariableNames(entry).length > 0;
}

function ref({ userId }: Person, { id }: ServerEntry, kind: UserCredentialKind) {
  return { userId, serverId: id, kind };
}
