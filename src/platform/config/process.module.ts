import { Global, Module, type DynamicModule } from '@nestjs/common';
import { SERVING_STATE, type ServingState } from './serving-state.js';
import { WORKER, type Worker } from './worker.js';

/** Tells every room which process of the gateway it lives in, and whether that is going away. */
@Global()
@Module({})
export class ProcessModule {
  static forRoot(worker: Worker, servingState: ServingState): DynamicModule {
    return {
      module: ProcessModule,
      providers: [
        { provide: WORKER, useValue: worker },
        { provide: SERVING_STATE, useValue: servingState },
      ],
      exports: [WORKER, SERVING_STATE],
    };
  }
}
