import type { ClientOffer, OfferCaller } from '../../../core/model/client-offer.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { isHeaderValue, isSettableHeader } from '../../../core/definition/settable-header.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import { readVariables } from '../../../state/credential/read-variables.js';
import type { UserCredential } from '../../../state/credential/user-credential.js';
import type { UserCredentials } from '../../../state/credential/user-credentials.js';
import { userVariableNames } from '../../../state/credential/user-variable-names.js';
import type { CredentialHeaders, SourcedCredential } from './credential-source.js';
import { hasUserVariables, type CredentialAddition } from './credential-sources.js';
import { connectLink, requirement } from './user-requirement.js';

type Values = ReadonlyMap<string, string>;

/**
 * `header_variables`, and `env` with scope `per_user`: values that each user keeps here go along with whatever credential is
 * sent. A value that is missing is an error that says so; nothing is sent, no child is started without.
 */
export class UserVariables implements CredentialAddition {
  readonly #global = new WeakMap<ServerEntry, SourcedCredential>();
  readonly #written = new WeakMap<
    UserCredential,
    { readonly entry: ServerEntry; readonly headers: CredentialHeaders }
  >();

  constructor(private readonly credentials: Pick<UserCredentials, 'get'>) {}

  appliesTo(entry: ServerEntry): boolean {
    return hasUserVariables(entry);
  }

  credentialFor(entry: ServerEntry, { caller }: ClientOffer): SourcedCredential {
    if (userVariableNames(entry).length === 0) return this.#sameForAll(entry);
    const userId = caller?.userId;
    const whose = { identity: `user:${userId ?? ''}`, userId };
    const refused = (): Promise<boolean> => Promise.resolve(false);
    if (entry.endpoint.kind === 'http') {
      return { ...whose, source: { headers: () => this.#headers(entry, caller), refused } };
    }
    return { ...whose, source: { headers: () => NO_HEADERS, env: () => this.#environment(entry, caller), refused } };
  }

  #sameForAll(entry: ServerEntry): SourcedCredential {
    let made = this.#global.get(entry);
    if (made === undefined) {
      const headers = entry.endpoint.kind === 'http' ? globalHeaders(entry) : NO_HEADERS;
      made = { identity: 'shared', source: { headers: () => headers, refused: () => Promise.resolve(false) } };
      this.#global.set(entry, made);
    }
    return made;
  }

  #headers(entry: ServerEntry, caller: OfferCaller | undefined): CredentialHeaders | Promise<CredentialHeaders> {
    const kept = this.#kept(entry, caller);
    if (!(kept instanceof Promise)) return this.#write(entry, caller, kept);
    return kept.then((found) => this.#write(entry, caller, found));
  }

  #write(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    kept: UserCredential | undefined,
  ): CredentialHeaders | Promise<never> {
    const known = kept === undefined ? undefined : this.#written.get(kept);
    if (known?.entry === entry) return known.headers;
    const values = usable(entry, kept);
    const missing = missingOf(entry, values, (value) => isHeaderValue(value));
    if (missing.length > 0) return Promise.reject(valuesRequired(entry, caller, missing));
    const headers: Record<string, string> = { ...globalHeaders(entry) };
    for (const name of userVariableNames(entry)) {
      const lower = name.toLowerCase();
      if (isSettableHeader(lower)) headers[lower] = values.get(name) ?? '';
    }
    if (kept !== undefined) this.#written.set(kept, { entry, headers });
    return headers;
  }

  async #environment(entry: ServerEntry, caller: OfferCaller | undefined): Promise<Readonly<Record<string, string>>> {
    const values = usable(entry, await this.#kept(entry, caller));
    const missing = missingOf(entry, values, () => true);
    if (missing.length > 0) throw valuesRequired(entry, caller, missing);
    return Object.fromEntries(userVariableNames(entry).map((name) => [name, values.get(name) ?? '']));
  }

  #kept(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
  ): UserCredential | undefined | Promise<UserCredential | undefined> {
    if (caller?.userId === undefined) return undefined;
    return this.credentials.get({ userId: caller.userId, serverId: entry.id, kind: 'env' });
  }
}

const NO_HEADERS: CredentialHeaders = Object.freeze({});
const NO_VALUES: Values = new Map();

/** Those given for where the server is now. */
function usable(entry: ServerEntry, kept: UserCredential | undefined): Values {
  return kept?.address === credentialAddress(entry) ? readVariables(kept) : NO_VALUES;
}

function missingOf(entry: ServerEntry, values: Values, isFit: (value: string) => boolean): readonly string[] {
  return userVariableNames(entry).filter((name) => {
    const value = values.get(name);
    return value === undefined || !isFit(value);
  });
}

function globalHeaders({ headerVariables }: ServerEntry): CredentialHeaders {
  const headers: Record<string, string> = {};
  for (const { name, value, isPerUser } of headerVariables) {
    const lower = name.toLowerCase();
    const text = value?.reveal().trim();
    if (!isPerUser && text !== undefined && isSettableHeader(lower) && isHeaderValue(text)) headers[lower] = text;
  }
  return Object.freeze(headers);
}

function valuesRequired(entry: ServerEntry, caller: OfferCaller | undefined, missing: readonly string[]) {
  const url = connectLink(entry, caller);
  const whose = caller?.userId === undefined ? ', and the gateway key you call with belongs to no user' : '';
  return requirement('upstream/user_values_required', entry, {
    reason: `it needs values of your own for ${missing.join(', ')}${whose}; enter them at ${url}`,
    url,
    more: { endpoint: `/v1/mcp/server/${entry.id}/user-env-vars`, missing },
  });
}
