import { Module } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import { CHILD_ENVIRONMENT, childEnvironment } from '../../platform/config/child-environment.js';
import { AWS_SETTINGS, DOOR_SETTINGS, IDENTITY_SETTINGS, LIMITS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { RegistryModule } from '../../state/registry/registry.module.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { SharedUpstreamTokens } from '../../state/upstream-token/shared-upstream-tokens.js';
import { UpstreamTokenModule } from '../../state/upstream-token/upstream-token.module.js';
import { CredentialRenewals } from '../../state/credential/credential-renewals.js';
import { UserCredentialModule } from '../../state/credential/user-credential.module.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';
import type { AwsSettings } from '../../platform/config/aws-settings.js';
import type { IdentitySettings } from '../../platform/config/identity-settings.js';
import type { DoorSettings } from '../../platform/config/settings.js';
import { configuredBaseUrl } from '../../platform/http/public-address.js';
import { SigningKeys } from '../../state/signing/signing-keys.js';
import { SigningModule } from '../../state/signing/signing.module.js';
import { IdentityHeaders } from './credential/identity-header.js';
import { SigV4Credentials } from './credential/sigv4.js';
import { ClientCredentials } from './credential/client-credentials.js';
import { IdJag } from './credential/id-jag.js';
import { TokenExchange } from './credential/token-exchange.js';
import { CredentialSources } from './credential/credential-sources.js';
import { UserKeys } from './credential/user-key.js';
import { UserTokens } from './credential/user-token.js';
import { UserVariables } from './credential/user-variables.js';
import { UpstreamAuthorization } from './oauth/upstream-authorization.js';
import { UpstreamClients } from './oauth/upstream-clients.js';
import { UpstreamDiscovery } from './oauth/upstream-discovery.js';
import { UpstreamOAuthClientStore } from './oauth/upstream-oauth-client.store.js';
import { UpstreamOpener } from './upstream-opener.js';
import { UpstreamPool } from './upstream-pool.js';

/** Reaching servers. Closed by `UpstreamPool`, after the door has drained. */
@Module({
  imports: [RegistryModule, SigningModule, UpstreamTokenModule, UserCredentialModule],
  providers: [
    {
      provide: HttpClient,
      inject: [LIMITS],
      useFactory: (limits: Limits) => new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs }),
    },
    { provide: CHILD_ENVIRONMENT, useFactory: childEnvironment },
    {
      provide: UpstreamDiscovery,
      inject: [HttpClient],
      useFactory: (http: HttpClient) => new UpstreamDiscovery(http),
    },
    UpstreamOAuthClientStore,
    {
      provide: UpstreamAuthorization,
      inject: [HttpClient, UpstreamDiscovery, UpstreamOAuthClientStore],
      useFactory: (http: HttpClient, discovery: UpstreamDiscovery, store: UpstreamOAuthClientStore) =>
        new UpstreamAuthorization(http, discovery, new UpstreamClients(http, store)),
    },
    {
      provide: ClientCredentials,
      inject: [HttpClient, UpstreamDiscovery, SharedUpstreamTokens, RegistryService],
      useFactory: (
        http: HttpClient,
        discovery: UpstreamDiscovery,
        shared: SharedUpstreamTokens,
        registry: RegistryService,
      ) => new ClientCredentials({ http, discovery, shared, registry }),
    },
    {
      provide: UserTokens,
      inject: [UserCredentials, CredentialRenewals, UpstreamAuthorization, UpstreamDiscovery],
      useFactory: (
        credentials: UserCredentials,
        renewals: CredentialRenewals,
        authorization: UpstreamAuthorization,
        discovery: UpstreamDiscovery,
      ) => new UserTokens({ credentials, renewals, authorization, discovery }),
    },
    {
      provide: IdentityHeaders,
      inject: [SigningKeys, IDENTITY_SETTINGS, DOOR_SETTINGS],
      useFactory: (keys: SigningKeys, settings: IdentitySettings, door: DoorSettings) =>
        new IdentityHeaders({ keys, settings, baseUrl: configuredBaseUrl(door) }),
    },
    {
      provide: TokenExchange,
      inject: [HttpClient, UpstreamDiscovery, ClientCredentials],
      useFactory: (http: HttpClient, discovery: UpstreamDiscovery, clientCredentials: ClientCredentials) =>
        new TokenExchange({ http, discovery }, clientCredentials),
    },
    {
      provide: IdJag,
      inject: [HttpClient, UpstreamDiscovery],
      useFactory: (http: HttpClient, discovery: UpstreamDiscovery) => new IdJag({ http, discovery }),
    },
    {
      provide: CredentialSources,
      inject: [
        ClientCredentials,
        TokenExchange,
        IdJag,
        UserTokens,
        UserCredentials,
        HttpClient,
        AWS_SETTINGS,
        IdentityHeaders,
      ],
      useFactory: (
        clientCredentials: ClientCredentials,
        tokenExchange: TokenExchange,
        idJag: IdJag,
        userToken: UserTokens,
        credentials: UserCredentials,
        http: HttpClient,
        aws: AwsSettings,
        identity: IdentityHeaders,
      ) =>
        new CredentialSources({
          clientCredentials,
          tokenExchange,
          idJag,
          userToken,
          sigV4: new SigV4Credentials(http, aws),
          userKey: new UserKeys(credentials),
          additions: [new UserVariables(credentials), identity],
        }),
    },
    UpstreamOpener,
    UpstreamPool,
  ],
  exports: [UpstreamAuthorization, UpstreamDiscovery, UpstreamPool],
})
export class UpstreamModule {}
