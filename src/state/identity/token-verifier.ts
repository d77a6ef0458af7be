import { decodeJwt, errors, jwtVerify, type JWTHeaderParameters, type JWTVerifyResult } from 'jose';
import type { JwtIssuer } from '../../platform/config/settings.js';
import type { IssuerKeys } from './issuer-keys.js';
import type { RefusalReason } from './refusal.js';
import { readAudience } from './token-audience.js';
import { readClaims, type TokenClaims } from './token-claims.js';

/** An issuer and its keys. */
export interface TrustedIssuer {
  readonly settings: JwtIssuer;
  readonly keys: IssuerKeys;
  /** The address of the gateway, as tokens for its endpoints name it. */
  readonly baseUrl: string | undefined;
}

export interface VerifiedToken {
  readonly issuer: TrustedIssuer;
  readonly claims: TokenClaims;
}

/** Clocks of two machines may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** Keys tried for a token that names none of several. */
const KEYS_TRIED_MAX = 5;

/**
 * Checks a token: signed by a configured issuer with an allowed algorithm, meant for us, not before its time and not
 * after. Rejects with `auth/issuer_unavailable` when that cannot be decided.
 */
export async function verifyToken(
  token: string,
  issuers: readonly TrustedIssuer[],
): Promise<VerifiedToken | RefusalReason> {
  const named = issuerOf(token);
  const candidates = issuers.filter(({ settings }) => settings.issuer === undefined || settings.issuer === named);
  let reason: RefusalReason = 'token_issuer_unknown';
  for (const issuer of candidates) {
    try {
      const { payload, protectedHeader } = await verify(token, issuer);
      if (!isForAccess(protectedHeader)) return 'token_invalid';
      const audience = readAudience(issuer.settings, payload, issuer.baseUrl);
      const claims = readClaims(issuer.settings, payload, protectedHeader.kid);
      if (claims !== undefined && audience.kind === 'everywhere') return { issuer, claims };
      if (claims !== undefined && audience.kind === 'endpoint') {
        return { issuer, claims: { ...claims, audience: audience.path } };
      }
      reason = 'token_invalid';
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      reason = error instanceof errors.JWTExpired ? 'token_expired' : 'token_invalid';
    }
  }
  return reason;
}

/**
 * Tokens that say they are something else (RFC 8725 §3.11) let nobody in: an identity assertion is exchanged, once, and a
 * logout token tells of a logout, though both are of the same issuer.
 */
function isForAccess({ typ }: JWTHeaderParameters): boolean {
  return typ === undefined || /^(?:application\/)?(?:at\+)?jwt$/i.test(typ);
}

/** By its shape only: three parts, the first of them a JSON object. */
export function looksLikeToken(value: string): boolean {
  return value.startsWith('eyJ') && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value);
}

async function verify(token: string, { settings, keys }: TrustedIssuer): Promise<JWTVerifyResult> {
  const options = {
    algorithms: [...settings.algorithms],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(settings.issuer === undefined ? {} : { issuer: settings.issuer }),
  };
  try {
    return await jwtVerify(token, (header: JWTHeaderParameters) => keys.find(header), options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let tried = 0;
    for await (const key of error) {
      if ((tried += 1) > KEYS_TRIED_MAX) break;
      try {
        return await jwtVerify(token, key, options);
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    // Not a token after all: nobody's.
    return undefined;
  }
}
