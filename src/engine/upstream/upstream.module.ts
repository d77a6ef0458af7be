import { Module } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import { CHILD_ENVIRONMENT, childEnvironment } from '../../platform/config/child-environment.js';
import { AWS_SETTINGS, LIMITS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import type { AwsSettings } from '../../platform/config/aws-settings.js';
import { SigV4Credentials } from './credential/sigv4.js';
import { CredentialSources } from './credential/credential-sources.js';
import { UpstreamOpener } from './upstream-opener.js';
import { UpstreamPool } from './upstream-pool.js';

/** Reaching servers. Closed by `UpstreamPool`, after the door has drained. */
@Module({
  providers: [
    {
      provide: HttpClient,
      inject: [LIMITS],
      useFactory: (limits: Limits) => new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs }),
    },
    { provide: CHILD_ENVIRONMENT, useFactory: childEnvironment },
    {
      provide: CredentialSources,
      inject: [HttpClient, AWS_SETTINGS],
      useFactory: (http: HttpClient, aws: AwsSettings) =>
        new CredentialSources({ sigV4: new SigV4Credentials(http, aws) }),
    },
    UpstreamOpener,
    UpstreamPool,
  ],
  exports: [UpstreamPool],
})
export class UpstreamModule {}
