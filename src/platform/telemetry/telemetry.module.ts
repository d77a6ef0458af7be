import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { CallMetrics } from './call-metrics.js';
import { LOGGER } from './logger.token.js';
import { Metrics } from './metrics.js';

/** Logger and metrics for every room. */
@Global()
@Module({})
export class TelemetryModule {
  /** `logger` comes from outside because Nest logs through it before there are providers. */
  static forRoot(logger: Logger): DynamicModule {
    return {
      module: TelemetryModule,
      providers: [
        { provide: LOGGER, useValue: logger },
        { provide: Metrics, useFactory: () => new Metrics() },
        CallMetrics,
      ],
      exports: [LOGGER, Metrics, CallMetrics],
    };
  }
}
