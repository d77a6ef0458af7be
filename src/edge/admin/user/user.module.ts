import { Module } from '@nestjs/common';
import { KeyModule } from '../key/key.module.js';
import { MembershipModule } from '../membership/membership.module.js';
import { PermissionModule } from '../permission/permission.module.js';
import { UserCreationService } from './user-creation.service.js';
import { UserReader } from './user-reader.service.js';
import { UserController } from './user.controller.js';
import { UserService } from './user.service.js';

/** `/user/*`. */
@Module({
  imports: [MembershipModule, PermissionModule, KeyModule],
  controllers: [UserController],
  providers: [UserCreationService, UserService, UserReader],
})
export class UserModule {}
