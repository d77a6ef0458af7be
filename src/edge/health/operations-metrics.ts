import { Inject, Injectable } from '@nestjs/common';
import { SessionStore } from '../../engine/session/session-store.js';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import { readVersion } from '../../platform/config/project-root.js';
import { SERVING_STATE, type ServingState } from '../../platform/config/serving-state.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { Metrics } from '../../platform/telemetry/metrics.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';
import { RegistryService } from '../../state/registry/registry.service.js';

/** Names the gauges of the rooms that keep numbers for us. Read when somebody scrapes. */
@Injectable()
export class OperationsMetrics {
  constructor(
    metrics: Metrics,
    registry: RegistryService,
    upstreams: UpstreamPool,
    sessions: SessionStore,
    credentials: UserCredentials,
    @Inject(SERVING_STATE) serving: ServingState,
    @Inject(WORKER) worker: Worker,
  ) {
    const version = readVersion();
    metrics.registerLabelledGauge('gatehouse_info', 'Always 1', ['version', 'worker'], () => [
      { labels: { version, worker: String(worker.index) }, value: 1 },
    ]);
    metrics.registerGauge(
      'gatehouse_registry_version',
      'Number of the snapshot being served, from 1',
      () => registry.current.version,
      'max',
    );
    metrics.registerGauge(
      'gatehouse_registry_in_sync',
      '1 when what is served is what the configuration says now',
      () => (registry.status().inSync ? 1 : 0),
      'min',
    );
    metrics.registerGauge(
      'gatehouse_registry_servers',
      'Servers being served',
      () => registry.current.servers.length,
      'max',
    );
    metrics.registerGauge(
      'gatehouse_registry_rejected',
      'Entries set aside',
      () => registry.current.rejected.length,
      'max',
    );
    metrics.registerGauge(
      'gatehouse_upstream_connections',
      'Sessions with servers',
      () => upstreams.gauges().connections,
    );
    metrics.registerGauge(
      'gatehouse_upstream_children',
      'Child processes of stdio servers',
      () => upstreams.gauges().stdioChildren,
    );
    metrics.registerGauge(
      'gatehouse_upstream_calls',
      'Calls to servers running or waiting for a session',
      () => upstreams.gauges().inFlight,
    );
    metrics.registerGauge(
      'gatehouse_upstream_circuits_open',
      'Servers that fail and are not being asked',
      () => upstreams.gauges().openCircuits,
      'max',
    );
    metrics.registerGauge(
      'gatehouse_user_credentials_users',
      'Users of whom it is in memory what they keep for servers',
      () => credentials.size,
    );
    metrics.registerGauge('gatehouse_client_sessions', 'Client sessions in memory', () => sessions.size);
    metrics.registerGauge('gatehouse_client_streams', 'Open event streams to clients', () => sessions.streamCount);
    metrics.registerGauge(
      'gatehouse_resume_bytes',
      'Characters of messages kept for clients that come back (limits.resume_bytes_total)',
      () => sessions.resumeChars,
    );
    metrics.registerGauge('gatehouse_client_connections', 'Open sockets of clients', () => serving.connections);
  }
}
