import { Module } from '@nestjs/common';
import { MembershipModule } from '../membership/membership.module.js';
import { PermissionModule } from '../permission/permission.module.js';
import { TeamAccess } from './team-access.service.js';
import { TeamMembersController } from './team-members.controller.js';
import { TeamMembersService } from './team-members.service.js';
import { TeamReader } from './team-reader.service.js';
import { TeamController } from './team.controller.js';
import { TeamService } from './team.service.js';

/** `/team/*`. */
@Module({
  imports: [MembershipModule, PermissionModule],
  controllers: [TeamController, TeamMembersController],
  providers: [TeamAccess, TeamService, TeamMembersService, TeamReader],
})
export class TeamModule {}
