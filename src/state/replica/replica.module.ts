import { Module } from '@nestjs/common';
import { ReplicaDirectory } from './replica-directory.js';
import { ReplicasStore } from './replicas.store.js';
import { StateHomes } from './state-homes.js';
import { StateHomesStore } from './state-homes.store.js';

/** Which replicas there are, and which of them holds what. */
@Module({
  providers: [ReplicaDirectory, ReplicasStore, StateHomes, StateHomesStore],
  exports: [ReplicaDirectory, StateHomes],
})
export class ReplicaModule {}
