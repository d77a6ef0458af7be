import { Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { AuditModule } from './edge/admin/audit/audit.module.js';
import { AccessModule } from './edge/admin/access/access.module.js';
import { AccessGroupModule } from './edge/admin/access-group/access-group.module.js';
import { AdminAuthModule } from './edge/admin/auth/admin-auth.module.js';
import { OpenApiModule } from './edge/admin/openapi/openapi.module.js';
import { KeyModule } from './edge/admin/key/key.module.js';
import { SigningKeyModule } from './edge/admin/signing-key/signing-key.module.js';
import { OAuthGrantModule } from './edge/admin/oauth-grant/oauth-grant.module.js';
import { ServerModule } from './edge/admin/server/server.module.js';
import { ServerTestModule } from './edge/admin/server-test/server-test.module.js';
import { CredentialModule } from './edge/admin/credential/credential.module.js';
import { CustomerModule } from './edge/admin/customer/customer.module.js';
import { OrganizationModule } from './edge/admin/organization/organization.module.js';
import { TeamModule } from './edge/admin/team/team.module.js';
import { UsageViewModule } from './edge/admin/usage/usage-view.module.js';
import { UserModule } from './edge/admin/user/user.module.js';
import { ToolsetModule } from './edge/admin/toolset/toolset.module.js';
import { GatewayModule } from './edge/gateway/gateway.module.js';
import { HealthModule } from './edge/health/health.module.js';
import { ConnectModule } from './edge/oauth/connect.module.js';
import { OAuthModule } from './edge/oauth/oauth.module.js';
import { JsonWebKeySetModule } from './edge/oauth/json-web-key-set.module.js';
import { ConfigModule } from './platform/config/config.module.js';
import type { ServingState } from './platform/config/serving-state.js';
import type { DeclaredSource } from './platform/config/declared-source.js';
import { ProcessModule } from './platform/config/process.module.js';
import type { Settings } from './platform/config/settings.js';
import type { Worker } from './platform/config/worker.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { TelemetryModule } from './platform/telemetry/telemetry.module.js';

/** What the process around the application hands in. */
export interface AppSurroundings {
  readonly settings: Settings;
  readonly source: DeclaredSource;
  readonly logger: Logger;
  readonly worker: Worker;
  readonly servingState: ServingState;
}

/** Composition root: the only place that lists all modules. Rooms below the edge come in through those that use them. */
@Module({})
export class AppModule {
  static forRoot({ settings, source, logger, worker, servingState }: AppSurroundings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot({ settings, source }),
        ProcessModule.forRoot(worker, servingState),
        TelemetryModule.forRoot(logger),
        DatabaseModule,
        GatewayModule,
        AdminAuthModule,
        AccessModule,
        AccessGroupModule,
        KeyModule,
        OAuthGrantModule,
        ServerModule,
        SigningKeyModule,
        ServerTestModule,
        CredentialModule,
        OrganizationModule,
        TeamModule,
        UserModule,
        CustomerModule,
        AuditModule,
        UsageViewModule,
        ToolsetModule,
        OpenApiModule.forRoot(settings.door.publicDocs),
        HealthModule,
        JsonWebKeySetModule,
        OAuthModule,
        ConnectModule,
      ],
    };
  }
}
