import { Module } from '@nestjs/common';
import { MembershipModule } from '../membership/membership.module.js';
import { PermissionModule } from '../permission/permission.module.js';
import { OrganizationMembersService } from './organization-members.service.js';
import { OrganizationReader } from './organization-reader.service.js';
import { OrganizationController } from './organization.controller.js';
import { OrganizationService } from './organization.service.js';

/** `/organization/*`. */
@Module({
  imports: [MembershipModule, PermissionModule],
  controllers: [OrganizationController],
  providers: [OrganizationService, OrganizationMembersService, OrganizationReader],
})
export class OrganizationModule {}
