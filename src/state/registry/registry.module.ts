import { Module } from '@nestjs/common';
import { RegistryService } from './registry.service.js';
import { RegistrySource } from './registry.source.js';
import { ServerSealer } from './server-sealer.js';

/** The servers, as one snapshot; and how their secrets are stored. */
@Module({ providers: [RegistryService, RegistrySource, ServerSealer], exports: [RegistryService, ServerSealer] })
export class RegistryModule {}
