import { Global, Module, type DynamicModule } from '@nestjs/common';
import { WORKER, type Worker } from './worker.js';

/** Tells every room which process of the gateway it lives in. */
@Global()
@Module({})
export class WorkerModule {
  static forRoot(worker: Worker): DynamicModule {
    return { module: WorkerModule, providers: [{ provide: WORKER, useValue: worker }], exports: [WORKER] };
  }
}
