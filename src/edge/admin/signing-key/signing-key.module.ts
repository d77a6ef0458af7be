import { Module } from '@nestjs/common';
import { SigningModule } from '../../../state/signing/signing.module.js';
import { SigningKeyController } from './signing-key.controller.js';

/** The keys that sign who calls, for administrators. */
@Module({ imports: [SigningModule], controllers: [SigningKeyController] })
export class SigningKeyModule {}
