import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { ConfigModule } from '../../../platform/config/config.module.js';
import type { LoadedConfiguration } from '../../../platform/config/load-configuration.js';
import { ProcessModule } from '../../../platform/config/process.module.js';
import { SINGLE_WORKER } from '../../../platform/config/worker.js';
import { DatabaseModule } from '../../../platform/database/database.module.js';
import { TelemetryModule } from '../../../platform/telemetry/telemetry.module.js';
import { SaltRotation } from '../../../state/sealing/salt-rotation.js';
import { SealedRowsStore } from '../../../state/sealing/sealed-rows.store.js';

/** An application of its own, without any door: the database and what is sealed in it. */
@Module({})
export class RotateSaltModule {
  static forRoot(configuration: Pick<LoadedConfiguration, 'settings' | 'source'>, logger: Logger): DynamicModule {
    return {
      module: RotateSaltModule,
      imports: [
        ConfigModule.forRoot(configuration),
        ProcessModule.forRoot(SINGLE_WORKER, { draining: false, connections: 0 }),
        TelemetryModule.forRoot(logger),
        DatabaseModule,
      ],
      providers: [SaltRotation, SealedRowsStore],
    };
  }
}
