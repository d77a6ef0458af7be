import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { DestinationStream } from 'pino';
import type { LogSettings } from '../config/settings.js';
import { LOG_SETTINGS } from '../config/tokens.js';
import { CallMetrics } from './call-metrics.js';
import { LOGGER } from './logger.token.js';
import { createLogger } from './logger.js';
import { Metrics } from './metrics.js';

/** Logger and metrics for every room. */
@Global()
@Module({})
export class TelemetryModule {
  /** `sink` takes the log lines instead of stderr. */
  static forRoot(sink?: DestinationStream): DynamicModule {
    return {
      module: TelemetryModule,
      providers: [
        {
          provide: LOGGER,
          inject: [LOG_SETTINGS],
          useFactory: (settings: LogSettings) => createLogger(settings, sink),
        },
        { provide: Metrics, useFactory: () => new Metrics() },
        CallMetrics,
      ],
      exports: [LOGGER, Metrics, CallMetrics],
    };
  }
}
