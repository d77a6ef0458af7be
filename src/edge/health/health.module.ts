import { Module } from '@nestjs/common';
import { SessionModule } from '../../engine/session/session.module.js';
import { UpstreamModule } from '../../engine/upstream/upstream.module.js';
import { UserCredentialModule } from '../../state/credential/user-credential.module.js';
import { RegistryModule } from '../../state/registry/registry.module.js';
import { ClusterMetrics } from './cluster-metrics.js';
import { DatabasePulse } from './database-pulse.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OperationsMetrics } from './operations-metrics.js';
import { ReadinessService } from './readiness.service.js';
import { ServerHealthService } from './server-health.service.js';

/** Liveness, readiness, the state of servers, metrics. */
@Module({
  imports: [UserCredentialModule, RegistryModule, SessionModule, UpstreamModule],
  controllers: [HealthController, MetricsController],
  providers: [ClusterMetrics, DatabasePulse, OperationsMetrics, ReadinessService, ServerHealthService],
})
export class HealthModule {}
