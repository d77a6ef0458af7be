import type { UpstreamAuth } from '../../../core/model/server-entry.js';
import { formatApiKey } from './api-key.js';
import { formatAuthorization } from './authorization.js';
import { formatBasic } from './basic.js';
import { formatBearerToken } from './bearer-token.js';
import type { CredentialFormat } from './credential-format.js';
import { formatNone } from './none.js';
import { formatToken } from './token.js';

/** One strategy per `auth_type`; a type without one does not compile. */
export const CREDENTIAL_FORMATS: Readonly<Record<UpstreamAuth['type'], CredentialFormat>> = {
  none: formatNone,
  api_key: formatApiKey,
  bearer_token: formatBearerToken,
  basic: formatBasic,
  authorization: formatAuthorization,
  token: formatToken,
  oauth2: formatBearerToken,
  oauth2_token_exchange: formatBearerToken,
  oauth2_id_jag: formatBearerToken,
  // A request is signed, or it is not: no client has a value that could stand in for that.
  aws_sigv4: () => undefined,
};
