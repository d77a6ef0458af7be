import { Module } from '@nestjs/common';
import { MembershipModule } from '../membership/membership.module.js';
import { ActivityService } from './activity.service.js';
import { ActivityStore } from './activity.store.js';
import { KeyNames } from './key-names.store.js';
import { SpendLogService } from './spend-log.service.js';
import { UsageController } from './usage.controller.js';

/** The ledger as people read it: `/spend/logs`, `/global/activity`, the daily activity of teams and others. */
@Module({
  imports: [MembershipModule],
  controllers: [UsageController],
  providers: [ActivityStore, ActivityService, KeyNames, SpendLogService],
})
export class UsageViewModule {}
