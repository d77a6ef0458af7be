import { Module } from '@nestjs/common';
import { PermissionModule } from '../permission/permission.module.js';
import { CustomerController } from './customer.controller.js';
import { CustomerService } from './customer.service.js';

/** `/customer/*`, `/end_user/*`. */
@Module({ imports: [PermissionModule], controllers: [CustomerController], providers: [CustomerService] })
export class CustomerModule {}
