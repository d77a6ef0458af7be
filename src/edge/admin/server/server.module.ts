import { Module } from '@nestjs/common';
import { ProbeModule } from '../../../engine/upstream/probe.module.js';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { AdminAuthModule } from '../auth/admin-auth.module.js';
import { MembershipModule } from '../membership/membership.module.js';
import { PublicServersController } from './public-servers.controller.js';
import { PublicServers } from './public-servers.service.js';
import { ServerGrants } from './server-grants.store.js';
import { ServerHealthChecks } from './server-health-checks.js';
import { ServerHealthReport } from './server-health-report.js';
import { ServerImport } from './server-import.service.js';
import { ServerPins } from './server-pins.service.js';
import { ServerReading } from './server-reading.service.js';
import { ServerSubmissionController } from './server-submission.controller.js';
import { ServerSubmissions } from './server-submission.service.js';
import { ServerWriting } from './server-writing.service.js';
import { ServerController } from './server.controller.js';
import { TeamServers } from './team-servers.service.js';

/** Servers over REST. The submissions come first: their routes are words where the others read an id. */
@Module({
  imports: [AdminAuthModule, MembershipModule, ProbeModule, RegistryModule],
  controllers: [ServerSubmissionController, ServerController, PublicServersController],
  providers: [
    PublicServers,
    ServerGrants,
    ServerHealthChecks,
    ServerHealthReport,
    ServerImport,
    ServerPins,
    ServerReading,
    ServerSubmissions,
    ServerWriting,
    TeamServers,
  ],
  exports: [ServerReading],
})
export class ServerModule {}
