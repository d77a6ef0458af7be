import { Global, Module, type DynamicModule } from '@nestjs/common';
import { DRAIN_STATE, type DrainState } from './drain-state.js';
import { WORKER, type Worker } from './worker.js';

/** Tells every room which process of the gateway it lives in, and whether that is going away. */
@Global()
@Module({})
export class ProcessModule {
  static forRoot(worker: Worker, drainState: DrainState): DynamicModule {
    return {
      module: ProcessModule,
      providers: [
        { provide: WORKER, useValue: worker },
        { provide: DRAIN_STATE, useValue: drainState },
      ],
      exports: [WORKER, DRAIN_STATE],
    };
  }
}
