import { Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { FlowStore } from '../flow.store.js';
import { isNameOf } from './relay-request.js';
import { RelayServers, type RelayServer } from './relay-server.js';

/**
 * Requests at `/authorize`, `/token` and `/revoke` that are meant for the issuer of a server: former clients name it as `client_id`
 * and know nothing of issuers below the gateway's own (reference §2.5). Who names a `resource` knows, and means the gateway itself.
 */
@Injectable()
export class UnnamedRelay {
  constructor(
    @Inject(RelayServers) private readonly servers: RelayServers,
    @Inject(FlowStore) private readonly flows: FlowStore,
  ) {}

  /** The server whose sign-in an authorization request is for. */
  ofAuthorization(request: Request, parameters: URLSearchParams): RelayServer | undefined {
    return parameters.has('resource') ? undefined : this.#find(request, parameters.get('client_id'));
  }

  /** The server whose token is asked for, or taken back. */
  async ofToken(request: Request, form: URLSearchParams): Promise<RelayServer | undefined> {
    const server = form.has('resource') ? undefined : this.#find(request, form.get('client_id'));
    if (server === undefined) return undefined;
    const isRootToken = (token: string | null): boolean => token !== null && /^gh[ar]_/.test(token);
    if (isRootToken(form.get('refresh_token')) || isRootToken(form.get('token'))) return undefined;
    if (form.get('grant_type') !== 'authorization_code') return server;
    return (await this.flows.knows('relay_code', form.get('code') ?? '')) ? server : undefined;
  }

  #find(request: Request, clientId: string | null): RelayServer | undefined {
    const found = clientId === null || clientId === '' ? undefined : this.servers.find(request, clientId);
    if (found === undefined || clientId === null || !isNameOf(found.entry, clientId)) return undefined;
    return { ...found, issuer: found.base };
  }
}
