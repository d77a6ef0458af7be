import { Injectable } from '@nestjs/common';
import { NO_GRANTS } from '../../core/model/permission.js';
import type { Principal } from '../../core/model/principal.js';
import { BatchedLookup, wasOvertaken, type Looked } from './batched-lookup.js';
import { OwnerStore } from './owner.store.js';
import type { OwnerRecord, TeamRecord, UserRecord } from './principal.store.js';
import type { TokenClaims } from './token-claims.js';
import { activeTeams, type TokenOwners } from './token-principal.js';
import { UserStore } from './user.store.js';

export interface OwnersReading {
  readonly owners: TokenOwners;
  /** `kind:id` of every row that was looked for. */
  readonly subjects: readonly string[];
  readonly readAt: number;
  readonly isOvertaken: boolean;
}

/** Reads the rows a token names. */
@Injectable()
export class TokenOwnersReader {
  readonly #teams: BatchedLookup<TeamRecord>;
  readonly #organizations: BatchedLookup<OwnerRecord>;
  readonly #users: BatchedLookup<UserRecord>;

  constructor(
    store: OwnerStore,
    private readonly users: UserStore,
  ) {
    this.#teams = new BatchedLookup((ids) => store.teamsById(ids));
    this.#organizations = new BatchedLookup((ids) => store.organizationsById(ids));
    this.#users = new BatchedLookup((ids) => store.usersById(ids));
  }

  /** @throws GatewayError `database/unavailable`, `http/too_many`. */
  async read(claims: TokenClaims, makesUsers: boolean): Promise<OwnersReading> {
    const [user, ...teams] = await Promise.all([
      claims.userId === undefined ? undefined : this.#user(claims, claims.userId, makesUsers),
      ...(claims.teamIds ?? []).map((id) => this.#teams.find(id)),
    ]);
    const found = teams.map(({ value }) => value).filter((team) => team !== undefined);
    const organizationId = claims.organizationId ?? activeTeams(claims, found)[0]?.organizationId ?? undefined;
    const organization = organizationId === undefined ? undefined : await this.#organizations.find(organizationId);

    const subjects = (claims.teamIds ?? []).map((id) => `team:${id}`);
    for (const { accessGroupIds } of found) subjects.push(...accessGroupIds.map((id) => `registry:${id}`));
    if (claims.userId !== undefined) subjects.push(`user:${claims.userId}`);
    if (organizationId !== undefined) subjects.push(`organization:${organizationId}`);
    const looked: readonly Looked<unknown>[] = [user, organization, ...teams].filter((one) => one !== undefined);
    return {
      owners: { teams: found, organization: organization?.value, user: user?.value },
      subjects,
      readAt: Math.min(performance.now(), ...looked.map(({ readAt }) => readAt)),
      isOvertaken: looked.some((one) => wasOvertaken(one, subjects)),
    };
  }

  noteChanged(subjects: ReadonlySet<string>): void {
    for (const lookup of [this.#teams, this.#organizations, this.#users]) {
      for (const subject of subjects) lookup.noteChanged(subject);
    }
  }

  noteChangedAll(): void {
    for (const lookup of [this.#teams, this.#organizations, this.#users]) lookup.noteChangedAll();
  }

  async #user(claims: TokenClaims, id: string, makesUsers: boolean): Promise<Looked<UserRecord>> {
    const looked = await this.#users.find(id);
    if (looked.value !== undefined || !makesUsers) return looked;
    await this.users.makeSure(id, claims.email, actor(claims, id));
    return this.#users.find(id);
  }
}

/** Whoever brings the token makes the user: so says the audit. */
function actor(claims: TokenClaims, userId: string): Principal {
  return { kind: 'jwt', id: claims.principalId, role: 'internal_user', grants: NO_GRANTS, userId };
}
