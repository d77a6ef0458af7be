import { Module } from '@nestjs/common';
import { MembershipModule } from '../membership/membership.module.js';
import { PermissionModule } from '../permission/permission.module.js';
import { KeyEditingService } from './key-editing.service.js';
import { KeyIssuingService } from './key-issuing.service.js';
import { KeyOwnersService } from './key-owners.service.js';
import { KeyReadingController } from './key-reading.controller.js';
import { KeyReadingService } from './key-reading.service.js';
import { KeyRevisionService } from './key-revision.service.js';
import { KeyController } from './key.controller.js';
import { KeyStore } from './key.store.js';

/** Virtual keys by REST (reference §3.6). */
@Module({
  imports: [MembershipModule, PermissionModule],
  controllers: [KeyController, KeyReadingController],
  providers: [KeyStore, KeyOwnersService, KeyRevisionService, KeyIssuingService, KeyEditingService, KeyReadingService],
  // Making a user makes their first key.
  exports: [KeyRevisionService],
})
export class KeyModule {}
