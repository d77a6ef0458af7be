import { Module } from '@nestjs/common';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { AccessGroupController } from './access-group.controller.js';
import { AccessGroupService } from './access-group.service.js';

/** Unified access groups over REST. */
@Module({ imports: [RegistryModule], controllers: [AccessGroupController], providers: [AccessGroupService] })
export class AccessGroupModule {}
