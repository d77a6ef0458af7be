import { Global, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { DatabaseSettings, SecuritySettings } from '../config/settings.js';
import { DATABASE_SETTINGS, SECURITY_SETTINGS } from '../config/tokens.js';
import { ChangeFeed } from './change-feed.js';
import { ControlWriter } from './control-writer.js';
import { DatabaseServer, openDatabase } from './database-server.js';
import { PrismaService } from './prisma.service.js';
import { findSealingSecret, SEALING_SECRET } from './sealing-secret.js';

/**
 * The database for every room. Whoever injects {@link PrismaService} finds it started and migrated. Closed in
 * `onApplicationShutdown`, because Nest runs `onModuleDestroy` while requests are still being served; being global, the
 * module is the last whose hook runs.
 */
@Global()
@Module({
  providers: [
    {
      provide: DatabaseServer,
      inject: [DATABASE_SETTINGS],
      useFactory: (settings: DatabaseSettings) => openDatabase(settings, new Logger('Database')),
    },
    PrismaService,
    ChangeFeed,
    ControlWriter,
    {
      provide: SEALING_SECRET,
      inject: [PrismaService, SECURITY_SETTINGS],
      useFactory: (prisma: PrismaService, security: SecuritySettings) => findSealingSecret(prisma, security),
    },
  ],
  exports: [DatabaseServer, PrismaService, ChangeFeed, ControlWriter, SEALING_SECRET],
})
export class DatabaseModule implements OnApplicationShutdown {
  readonly #server: DatabaseServer;
  readonly #prisma: PrismaService;
  readonly #feed: ChangeFeed;

  constructor(server: DatabaseServer, prisma: PrismaService, feed: ChangeFeed) {
    this.#server = server;
    this.#prisma = prisma;
    this.#feed = feed;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#feed.close();
    await this.#prisma.close();
    await this.#server.stop();
  }
}
