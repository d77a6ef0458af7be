import { Module } from '@nestjs/common';
import { SigningModule } from '../../state/signing/signing.module.js';
import { JsonWebKeySetController } from './json-web-key-set.controller.js';

/** RFC 7517: the gateway's public keys. */
@Module({ imports: [SigningModule], controllers: [JsonWebKeySetController] })
export class JsonWebKeySetModule {}
