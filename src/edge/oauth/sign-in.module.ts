import { Module } from '@nestjs/common';
import { PublicAddress } from '../../platform/http/public-address.js';
import { BrowserCookies } from './browser-cookies.js';
import { ClientDocuments } from './client-documents.js';
import { Clients } from './clients.js';
import { Codes } from './codes.js';
import { FlowStore } from './flow.store.js';

/** What every sign-in through a browser is made of: clients, flows, codes, cookies. */
@Module({
  providers: [PublicAddress, BrowserCookies, ClientDocuments, Clients, Codes, FlowStore],
  exports: [BrowserCookies, ClientDocuments, Clients, Codes, FlowStore],
})
export class SignInModule {}
