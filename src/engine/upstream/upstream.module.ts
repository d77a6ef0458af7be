import { Module } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import { CHILD_ENVIRONMENT, childEnvironment } from '../../platform/config/child-environment.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { UserCredentialModule } from '../../state/credential/user-credential.module.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';
import { CredentialSources } from './credential/credential-sources.js';
import { UserKeys } from './credential/user-key.js';
import { UserVariables } from './credential/user-variables.js';
import { UpstreamOpener } from './upstream-opener.js';
import { UpstreamPool } from './upstream-pool.js';

/** Reaching servers. Closed by `UpstreamPool`, after the door has drained. */
@Module({
  imports: [UserCredentialModule],
  providers: [
    {
      provide: HttpClient,
      inject: [LIMITS],
      useFactory: (limits: Limits) => new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs }),
    },
    { provide: CHILD_ENVIRONMENT, useFactory: childEnvironment },
    {
      provide: CredentialSources,
      inject: [UserCredentials],
      useFactory: (credentials: UserCredentials) =>
        new CredentialSources({
          userKey: new UserKeys(credentials),
          additions: [new UserVariables(credentials)],
        }),
    },
    UpstreamOpener,
    UpstreamPool,
  ],
  exports: [UpstreamPool],
})
export class UpstreamModule {}
