import { Module } from '@nestjs/common';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { ObjectPermissionWriter } from './object-permission.writer.js';

/** `object_permission`, for the modules of its owners. */
@Module({ imports: [RegistryModule], providers: [ObjectPermissionWriter], exports: [ObjectPermissionWriter] })
export class PermissionModule {}
