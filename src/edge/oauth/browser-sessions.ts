import { Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Principal } from '../../core/model/principal.js';
import { Authenticator } from '../../state/identity/authenticator.js';
import type { GrantHolder } from '../../state/identity/oauth-grant.store.js';
import { OAuthTokens } from '../../state/identity/oauth-tokens.js';
import { BrowserCookies } from './browser-cookies.js';
import { FlowStore } from './flow.store.js';

/** Somebody who is signed in at this browser. */
export interface BrowserUser {
  readonly holder: GrantHolder;
  /** As the rows behind it say now. */
  readonly principal: Principal;
  /** For people: who that is. */
  readonly label: string;
  /** Binds forms to this sign-in. */
  readonly session: string;
}

interface StoredSession {
  readonly holder: GrantHolder;
  /** What was allowed in it, as {@link BrowserSessions.remember} was told. */
  readonly allowed: readonly string[];
}

const SESSION_MS = 3_600_000;
const ALLOWED_MAX = 50;

/**
 * Who is signed in at a browser, for an hour: a handle in a cookie, bound to the browser's own. Whom it stands for is read
 * anew on every page, so a key that was blocked is signed out with it.
 */
@Injectable()
export class BrowserSessions {
  constructor(
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(BrowserCookies) private readonly cookies: BrowserCookies,
    @Inject(OAuthTokens) private readonly tokens: OAuthTokens,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  /** Signs in. A former session of the browser is over. */
  async begin(request: Request, response: Response, holder: GrantHolder): Promise<void> {
    const browser = this.cookies.ensureBrowser(request, response);
    await this.end(request, response);
    const session: StoredSession = { holder, allowed: [] };
    const handle = await this.flows.begin('session', session, { ttlMs: SESSION_MS, browser });
    this.cookies.writeSession(request, response, handle, SESSION_MS);
  }

  /** Who is signed in; undefined: nobody, or nobody any more. */
  async current(request: Request): Promise<BrowserUser | undefined> {
    const handle = this.cookies.sessionHandle(request);
    const browser = this.cookies.browser(request);
    if (handle === undefined || browser === undefined) return undefined;
    const stored = await this.flows.look<StoredSession>('session', handle, browser);
    if (stored === undefined) return undefined;
    const resolved = await this.tokens.holderOf(stored, this.authenticator.resolveMaster);
    if (resolved.kind === 'refused') return undefined;
    const { principal } = resolved;
    if (principal.expiresAt !== undefined && principal.expiresAt <= Date.now()) return undefined;
    return { holder: stored.holder, principal, label: labelOf(stored.holder, principal), session: handle };
  }

  /** Whether this was allowed in this session before. */
  async wasAllowed(user: BrowserUser, request: Request, what: string): Promise<boolean> {
    const stored = await this.flows.look<StoredSession>('session', user.session, this.cookies.browser(request));
    return stored?.allowed.includes(what) === true;
  }

  /** From now on {@link wasAllowed}, in this session. */
  async remember(user: BrowserUser, request: Request, what: string): Promise<void> {
    const stored = await this.flows.look<StoredSession>('session', user.session, this.cookies.browser(request));
    if (stored === undefined || stored.allowed.includes(what)) return;
    await this.flows.change('session', user.session, {
      ...stored,
      allowed: [...stored.allowed, what].slice(-ALLOWED_MAX),
    });
  }

  async end(request: Request, response: Response): Promise<void> {
    const handle = this.cookies.sessionHandle(request);
    if (handle === undefined) return;
    await this.flows.end('session', handle);
    this.cookies.clearSession(request, response);
  }
}

function labelOf(holder: GrantHolder, { userId }: Principal): string {
  if (holder.kind === 'master') return 'the administrator (master key)';
  if (holder.kind === 'oidc') return holder.claims.email ?? userId ?? holder.claims.principalId;
  const key = `key ${holder.keyHash.slice(0, 8)}…`;
  return userId === undefined ? key : `${userId} (${key})`;
}
