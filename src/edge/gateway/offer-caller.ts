import type { IncomingHttpHeaders } from 'node:http';
import type { OfferCaller } from '../../core/model/client-offer.js';
import type { Principal } from '../../core/model/principal.js';
import { Secret } from '../../core/model/secret.js';
import { readCredential } from '../../state/identity/read-credential.js';

/** RFC 7519 §3 in compact form: what an identity provider hands out, and what no key of ours looks like. */
const JWT = /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/;

/**
 * Who calls, for servers whose credential depends on it. A caller's own token counts as subject of an exchange when it let
 * them in here, or when it came as `Authorization` beside a gateway key in `x-litellm-api-key`.
 */
export function offerCaller(principal: Principal, headers: IncomingHttpHeaders, baseUrl: string): OfferCaller {
  const { id, userId, email, keyHash, teamId, organizationId, endUserId } = principal;
  return {
    principalId: id,
    userId,
    email,
    keyHash,
    teamId,
    organizationId,
    endUserId,
    subjectToken: subjectToken(principal, headers),
    baseUrl,
  };
}

function subjectToken({ kind }: Principal, headers: IncomingHttpHeaders): Secret | undefined {
  const { key, upstreamAuthorization } = readCredential(headers);
  const token = kind === 'jwt' ? key : upstreamAuthorization?.replace(/^bearer +/i, '');
  return token !== undefined && JWT.test(token) ? new Secret(token) : undefined;
}
