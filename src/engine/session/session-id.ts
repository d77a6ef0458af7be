import { randomBytes } from 'node:crypto';
import { clientCapabilities, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import { readPlace, type Place } from '../../core/model/place.js';
import { isLegacyVersion, type LegacyVersion } from '../../core/protocol/versions.js';
import type { Sealer } from '../../platform/crypto/sealer.js';

/** What a session id says, so that any replica can serve the session without having seen it before. */
export interface SessionClaims {
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly version: LegacyVersion;
  /** The process that holds the session's live parts, unless it is gone. */
  readonly place: Place;
  readonly capabilities: ClientCapabilities;
}

/** Writes and reads session ids: authenticated encryption, bound to the principal (contract §5). */
export class SessionIds {
  constructor(private readonly sealer: Sealer) {}

  issue(claims: SessionClaims, principalId: string): string {
    const nonce = randomBytes(9).toString('base64url');
    const { issuedAt, version, place, capabilities } = claims;
    return this.sealer.seal(`${issuedAt} ${version} ${place.tag} ${nonce} ${capabilities.text}`, principalId);
  }

  /** Undefined for anything but an id that was issued to this principal. Does not look at its age. */
  read(id: string, principalId: string): SessionClaims | undefined {
    const opened = this.sealer.open(id, principalId);
    if (opened === undefined) return undefined;
    const [issuedAt, version, tag = '', , ...declared] = opened.split(' ');
    const place = readPlace(tag);
    if (!isLegacyVersion(version) || place === undefined) return undefined;
    const capabilities = clientCapabilities(declared.length === 0 ? undefined : declared.join(' '));
    return { issuedAt: Number(issuedAt), version, place, capabilities };
  }
}
