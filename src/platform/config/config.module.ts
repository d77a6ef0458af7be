import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { LoadedConfiguration } from './load-configuration.js';
import {
  AWS_SETTINGS,
  CONFIG_FILE_SETTINGS,
  DATABASE_SETTINGS,
  DECLARED_SOURCE,
  DOOR_SETTINGS,
  IDENTITY_SETTINGS,
  JWT_SETTINGS,
  LIMITS,
  LISTEN_SETTINGS,
  LOG_SETTINGS,
  OAUTH_SETTINGS,
  REGISTRY_SETTINGS,
  SECURITY_SETTINGS,
  SETTINGS,
  STDIO_SETTINGS,
  USAGE_SETTINGS,
} from './tokens.js';

/** Hands out the settings in slices, by value, to the whole application. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot({ settings, source }: Pick<LoadedConfiguration, 'settings' | 'source'>): DynamicModule {
    const values: readonly (readonly [token: symbol, value: unknown])[] = [
      [SETTINGS, settings],
      [LISTEN_SETTINGS, settings.listen],
      [CONFIG_FILE_SETTINGS, settings.config],
      [DATABASE_SETTINGS, settings.database],
      [SECURITY_SETTINGS, settings.security],
      [DOOR_SETTINGS, settings.door],
      [LIMITS, settings.limits],
      [STDIO_SETTINGS, settings.stdio],
      [LOG_SETTINGS, settings.log],
      [JWT_SETTINGS, settings.jwt],
      [OAUTH_SETTINGS, settings.oauth],
      [USAGE_SETTINGS, settings.usage],
      [REGISTRY_SETTINGS, settings.registry],
      [AWS_SETTINGS, settings.aws],
      [IDENTITY_SETTINGS, settings.identity],
      [DECLARED_SOURCE, source],
    ];
    return {
      module: ConfigModule,
      providers: values.map(([provide, useValue]) => ({ provide, useValue })),
      exports: values.map(([token]) => token),
    };
  }
}
