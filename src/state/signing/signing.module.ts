import { Module } from '@nestjs/common';
import { SigningKeys } from './signing-keys.js';
import { SigningKeysStore } from './signing-keys.store.js';

/** The keys of the gateway itself. */
@Module({ providers: [SigningKeys, SigningKeysStore], exports: [SigningKeys] })
export class SigningModule {}
