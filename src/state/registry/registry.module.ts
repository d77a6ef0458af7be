import { Module } from '@nestjs/common';
import { RegistryService } from './registry.service.js';

/** The servers, as one snapshot. */
@Module({ providers: [RegistryService], exports: [RegistryService] })
export class RegistryModule {}
