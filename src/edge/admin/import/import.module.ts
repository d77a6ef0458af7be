import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { ConfigModule } from '../../../platform/config/config.module.js';
import type { LoadedConfiguration } from '../../../platform/config/load-configuration.js';
import { DatabaseModule } from '../../../platform/database/database.module.js';
import { ProcessModule } from '../../../platform/config/process.module.js';
import { SINGLE_WORKER } from '../../../platform/config/worker.js';
import { TelemetryModule } from '../../../platform/telemetry/telemetry.module.js';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { LitellmImport } from './import-litellm.service.js';
import { ServerImport } from './server-import.service.js';

/** An application of its own, without any door: database, registry and the import. */
@Module({})
export class ImportModule {
  static forRoot(configuration: Pick<LoadedConfiguration, 'settings' | 'source'>, logger: Logger): DynamicModule {
    return {
      module: ImportModule,
      imports: [
        ConfigModule.forRoot(configuration),
        ProcessModule.forRoot(SINGLE_WORKER, { draining: false, connections: 0 }),
        TelemetryModule.forRoot(logger),
        DatabaseModule,
        RegistryModule,
      ],
      providers: [LitellmImport, ServerImport],
    };
  }
}
