import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import type { OfferCaller } from '../../core/model/client-offer.js';
import type { Principal } from '../../core/model/principal.js';
import { Secret } from '../../core/model/secret.js';
import type { JwtSettings } from '../../platform/config/settings.js';
import { JWT_SETTINGS } from '../../platform/config/tokens.js';
import { readCredential } from '../../state/identity/read-credential.js';
import type { CallerContext } from './caller-context.js';

/** RFC 7519 §3 in compact form: what an identity provider hands out, and what no key of ours looks like. */
const JWT = /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/;

/** Says who calls, for servers whose credential depends on it. */
@Injectable()
export class OfferCallers {
  readonly #issuers: ReadonlySet<string | undefined>;

  constructor(@Inject(JWT_SETTINGS) { issuers }: JwtSettings) {
    this.#issuers = new Set(issuers.flatMap(({ issuer }) => issuer ?? []));
  }

  read(context: CallerContext, headers: IncomingHttpHeaders, baseUrl: string): OfferCaller {
    const { id, userId, email, keyHash, teamId, organizationId, endUserId } = context.principal;
    return {
      principalId: id,
      userId,
      email,
      keyHash,
      teamId,
      organizationId,
      endUserId,
      subjectToken: this.#subjectToken(context, headers),
      baseUrl,
    };
  }

  /**
   * A caller's own token is the subject of exchanges when it let them in here. One that came as `Authorization` beside a
   * gateway key may as well be of some server: it counts when it is of an identity provider that callers sign in with, or
   * when it was sent to one server alone.
   */
  #subjectToken({ principal, scope, view }: CallerContext, headers: IncomingHttpHeaders): Secret | undefined {
    const { key, upstreamAuthorization } = readCredential(headers);
    const token = isOfProvider(principal) ? key : upstreamAuthorization?.replace(/^bearer +/i, '');
    if (token === undefined || !JWT.test(token)) return undefined;
    const isForOneServer = scope.kind === 'named' && scope.names.length === 1 && view.servers.length === 1;
    const isMeant = isOfProvider(principal) || isForOneServer || this.#issuers.has(issuerOf(token));
    return isMeant ? new Secret(token) : undefined;
  }
}

function isOfProvider({ kind }: Principal): boolean {
  return kind === 'jwt';
}

/** As the token itself says; whoever exchanges it checks that. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    // Not a JWT after all.
    return undefined;
  }
}
