import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { NO_GRANTS } from '../../core/model/permission.js';
import type { Principal } from '../../core/model/principal.js';
import type { SecuritySettings } from '../../platform/config/settings.js';
import { SECURITY_SETTINGS } from '../../platform/config/tokens.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';
import { readCredential } from './read-credential.js';

/** Who is calling, or why nobody is let in. The reason is for our log; the caller reads the same words for all of them. */
export type AuthenticationResult =
  | {
      readonly kind: 'principal';
      readonly principal: Principal;
      /** The client's `Authorization`, when it is meant for upstreams. */
      readonly upstreamAuthorization: string | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: 'no_credential' | 'unknown_key' };

const MASTER: Principal = Object.freeze({ kind: 'master_key', id: 'master', role: 'proxy_admin', grants: NO_GRANTS });

/** What a key of this product looks like: `sk-` and 16 random bytes in base64url. */
const KEY_SHAPE = /^sk-[A-Za-z0-9_-]{22}$/;

/**
 * The one truth about credentials presented to the gateway; the data plane's door and the control plane's passport
 * strategy both ask it. Fails closed: whatever is not recognised is refused.
 */
@Injectable()
export class Authenticator implements OnModuleInit {
  #masterHash: Buffer | undefined;
  #firstRunKey: string | undefined;

  constructor(
    @Inject(SECURITY_SETTINGS) private readonly security: SecuritySettings,
    @Inject(GatewaySecretsStore) private readonly secrets: GatewaySecretsStore,
  ) {}

  async onModuleInit(): Promise<void> {
    const configured = this.security.masterKey;
    if (configured !== undefined) {
      this.#masterHash = sha256(configured.reveal());
      return;
    }
    const { hash: stored, created } = await this.secrets.firstRunMasterKeyHash();
    this.#masterHash = Buffer.from(stored, 'hex');
    this.#firstRunKey = created?.reveal();
  }

  /** The master key made on this very start, once: the next call answers undefined. For the start-up message only. */
  takeFirstRunKey(): string | undefined {
    const key = this.#firstRunKey;
    this.#firstRunKey = undefined;
    return key;
  }

  /** Reads the carriers of contract §8 and decides. */
  authenticate(headers: IncomingHttpHeaders): AuthenticationResult {
    const presented = readCredential(headers);
    if (presented.key === undefined || presented.key === '') return { kind: 'refused', reason: 'no_credential' };
    if (!this.#isMasterKey(presented.key)) return { kind: 'refused', reason: 'unknown_key' };
    return { kind: 'principal', principal: MASTER, upstreamAuthorization: presented.upstreamAuthorization };
  }

  /**
   * Whether a header value is, or looks like, a gateway key (with or without a scheme before it). Such a value is never
   * forwarded upstream (contract §8).
   */
  isGatewayKey(value: string): boolean {
    const token = value.slice(value.lastIndexOf(' ') + 1);
    return KEY_SHAPE.test(token) || this.#isMasterKey(token);
  }

  #isMasterKey(key: string): boolean {
    return this.#masterHash !== undefined && timingSafeEqual(sha256(key), this.#masterHash);
  }
}

function sha256(value: string): Buffer {
  return hash('sha256', value, 'buffer');
}
