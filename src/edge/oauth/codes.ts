import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { constantTimeEqual } from '../../platform/crypto/constant-time-equal.js';
import { FlowStore, type FlowKind, type TakenFlow } from './flow.store.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** What every code is bound to. */
export interface CodeBinding {
  readonly clientId: string;
  /** As the client asked for it. */
  readonly redirectUri: string;
  /** PKCE S256. */
  readonly challenge: string;
}

export type CodeKind = FlowKind & `${string}code`;

/** RFC 6749 §4.1.2 recommends ten minutes at most; clients redeem at once. */
const CODE_TTL_MS = 60_000;

const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** Authorization codes: for one client, one address and one PKCE verifier, once, for a minute. */
@Injectable()
export class Codes {
  constructor(private readonly flows: FlowStore) {}

  issue(kind: CodeKind, code: CodeBinding): Promise<string> {
    return this.flows.begin(kind, code, { ttlMs: CODE_TTL_MS });
  }

  /**
   * What the code stands for. A code that comes again (`used`) is for the caller to act upon: what it gave is in the wrong
   * hands. Either way it was presented by its client, at its address, with its verifier.
   *
   * @throws OAuthRefusal `invalid_grant`.
   */
  async redeem<T extends CodeBinding>(kind: CodeKind, form: URLSearchParams, clientId: string): Promise<TakenFlow<T>> {
    const taken = await this.flows.take<T>(kind, form.get('code') ?? '');
    if (taken === undefined) throw new OAuthRefusal('invalid_grant', 'the code is unknown or over');
    const { payload } = taken;
    if (payload.clientId !== clientId) throw new OAuthRefusal('invalid_grant', 'the code is another client’s');
    // OAuth 2.1 clients need not repeat it; what they do repeat must be the same.
    if ((form.get('redirect_uri') ?? payload.redirectUri) !== payload.redirectUri) {
      throw new OAuthRefusal('invalid_grant', 'redirect_uri is not the one the code was sent to');
    }
    if (!isVerified(form.get('code_verifier') ?? '', payload.challenge)) {
      throw new OAuthRefusal('invalid_grant', 'code_verifier does not fit the code_challenge');
    }
    return taken;
  }
}

/** Reads PKCE parameters of an authorization request: S256 and nothing else. @throws OAuthRefusal. */
export function readChallenge(parameters: URLSearchParams): string {
  const challenge = parameters.get('code_challenge') ?? '';
  if (parameters.get('code_challenge_method') !== 'S256' || !CHALLENGE.test(challenge)) {
    throw new OAuthRefusal('invalid_request', 'PKCE is required: code_challenge with code_challenge_method=S256');
  }
  return challenge;
}

function isVerified(verifier: string, challenge: string): boolean {
  if (!VERIFIER.test(verifier)) return false;
  return constantTimeEqual(createHash('sha256').update(verifier).digest('base64url'), challenge);
}
