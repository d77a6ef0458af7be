import type { ClientOffer, OfferCaller } from '../../../core/model/client-offer.js';
import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import type { UserCredential } from '../../../state/credential/user-credential.js';
import type { UserCredentials } from '../../../state/credential/user-credentials.js';
import { CREDENTIAL_FORMATS } from './credential-formats.js';
import type {
  CredentialHeaders,
  CredentialSource,
  CredentialStrategy,
  SourcedCredential,
} from './credential-source.js';
import { connectLink, requirement } from './user-requirement.js';

/** `is_byok`: each user's own key, written as the server's `auth_type` says. Without one nothing is sent. */
export class UserKeys implements CredentialStrategy {
  /** What was made of a stored key, for as long as neither it nor the server changes. */
  readonly #written = new WeakMap<
    UserCredential,
    { readonly entry: ServerEntry; readonly headers: CredentialHeaders }
  >();

  constructor(private readonly credentials: Pick<UserCredentials, 'get'>) {}

  credentialFor(entry: ServerEntry, { caller }: ClientOffer): SourcedCredential {
    const userId = caller?.userId;
    const source: CredentialSource = {
      headers: () => {
        if (userId === undefined) return Promise.reject(keyRequired(entry, caller, 'nobody'));
        const kept = this.credentials.get({ userId, serverId: entry.id, kind: 'byok' });
        if (!(kept instanceof Promise)) return this.#headers(entry, caller, kept);
        return kept.then((found) => this.#headers(entry, caller, found));
      },
      refused: () => Promise.resolve(false),
    };
    return { identity: `user:${userId ?? ''}`, userId, source };
  }

  #headers(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    kept: UserCredential | undefined,
  ): CredentialHeaders | Promise<never> {
    if (kept?.status !== 'active') return Promise.reject(keyRequired(entry, caller, 'none'));
    if (kept.address !== credentialAddress(entry)) return Promise.reject(keyRequired(entry, caller, 'moved'));
    const known = this.#written.get(kept);
    if (known?.entry === entry) return known.headers;
    const header = CREDENTIAL_FORMATS[entry.auth.type](kept.secret.reveal().trim());
    if (header === undefined) return Promise.reject(keyRequired(entry, caller, 'unwritable'));
    const headers = { [entry.tokenHeader]: header[1] };
    this.#written.set(kept, { entry, headers });
    return headers;
  }
}

const WORDS = {
  none: 'it needs a key of your own',
  moved: 'its address has changed since you gave your key; give it again if it is to go there',
  nobody: 'it needs a key of your own, and the gateway key you call with belongs to no user',
  unwritable: 'it is is_byok, and its auth_type takes no key',
} as const;

function keyRequired(entry: ServerEntry, caller: OfferCaller | undefined, why: keyof typeof WORDS): GatewayError {
  const url = connectLink(entry, caller);
  const { url: helpUrl, description = [] } = entry.byokHelp ?? {};
  const reason = [
    WORDS[why],
    `enter it at ${url}`,
    ...(helpUrl === undefined ? [] : [`get one at ${helpUrl}`]),
    ...description,
  ].join('; ');
  const help = helpUrl === undefined ? {} : { byok_api_key_help_url: helpUrl };
  return requirement('upstream/user_key_required', entry, {
    reason,
    url,
    more: {
      endpoint: `/v1/mcp/server/${entry.id}/user-credential`,
      ...help,
      ...(description.length === 0 ? {} : { byok_description: description }),
    },
  });
}
