import { Module } from '@nestjs/common';
import { Memberships } from './memberships.service.js';

/** Who belongs where, for every admin service that must know. */
@Module({ providers: [Memberships], exports: [Memberships] })
export class MembershipModule {}
