import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { DoorSettings, ListenSettings } from '../../platform/config/settings.js';
import { DOOR_SETTINGS, LISTEN_SETTINGS } from '../../platform/config/tokens.js';
import { HostGuard } from '../gateway/host-guard.js';

/** Host must be one of ours, as for MCP: issuers and addresses in our answers come from it. */
@Injectable()
export class OwnHostGuard implements CanActivate {
  readonly #hosts: HostGuard;

  constructor(@Inject(DOOR_SETTINGS) door: DoorSettings, @Inject(LISTEN_SETTINGS) listen: ListenSettings) {
    this.#hosts = new HostGuard(door, listen);
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.#hosts.allowsHostOf(context.switchToHttp().getRequest<Request>())) return true;
    throw new GatewayError('http/forbidden_host', {
      detail: 'add it to general_settings.allowed_hosts if it is yours',
    });
  }
}
