import { applyDecorators, UseFilters, UseGuards } from '@nestjs/common';
import { Public } from '../admin/auth/public.decorator.js';
import { BrowserPaceGuard } from './browser-pace.guard.js';
import { BrowserErrorFilter, OAuthErrorFilter } from './oauth-error.filter.js';
import { OwnHostGuard } from './own-host.guard.js';

/** An endpoint that browsers show to people: needs no credential, tells its errors as pages. */
export const BrowserEndpoint = (): ClassDecorator =>
  applyDecorators(Public(), UseGuards(OwnHostGuard, BrowserPaceGuard), UseFilters(BrowserErrorFilter));

/** An endpoint of OAuth clients: needs no gateway credential, tells its errors in the words of OAuth. */
export const ClientEndpoint = (): ClassDecorator =>
  applyDecorators(Public(), UseGuards(OwnHostGuard), UseFilters(OAuthErrorFilter));
