import { Module } from '@nestjs/common';
import { PublicAddress } from '../../platform/http/public-address.js';
import { ProtectedResourceMetadataController } from './protected-resource-metadata.controller.js';

/** RFC 9728 discovery. */
@Module({ controllers: [ProtectedResourceMetadataController], providers: [PublicAddress] })
export class ProtectedResourceMetadataModule {}
