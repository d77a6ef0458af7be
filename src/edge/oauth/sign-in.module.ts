import { Module } from '@nestjs/common';
import { PublicAddress } from '../../platform/http/public-address.js';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { BrowserCookies } from './browser-cookies.js';
import { BrowserSessions } from './browser-sessions.js';
import { ClientDocuments } from './client-documents.js';
import { Clients } from './clients.js';
import { Codes } from './codes.js';
import { FlowStore } from './flow.store.js';
import { UpstreamReturns } from './upstream-returns.js';

/** What every sign-in through a browser is made of: clients, flows, codes, cookies, sessions. */
@Module({
  imports: [IdentityModule],
  providers: [
    PublicAddress,
    BrowserCookies,
    BrowserSessions,
    ClientDocuments,
    Clients,
    Codes,
    FlowStore,
    UpstreamReturns,
  ],
  exports: [BrowserCookies, BrowserSessions, ClientDocuments, Clients, Codes, FlowStore, UpstreamReturns],
})
export class SignInModule {}
