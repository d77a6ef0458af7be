import { Module } from '@nestjs/common';
import { ProbeModule } from '../../../engine/upstream/probe.module.js';
import { IdentityModule } from '../../../state/identity/identity.module.js';
import { ServerTestController } from './server-test.controller.js';
import { ServerTestService } from './server-test.service.js';

/** `/mcp-rest/test/*`. */
@Module({ imports: [IdentityModule, ProbeModule], controllers: [ServerTestController], providers: [ServerTestService] })
export class ServerTestModule {}
