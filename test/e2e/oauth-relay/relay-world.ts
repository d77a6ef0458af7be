import { oauthProvider, type OauthProvider, type OauthProviderOptions } from '../../harness/oauth-provider.js';
import { protectedServer, type ProtectedServer, type ProtectedServerOptions } from '../../harness/protected-server.js';
import { startGateway, type StartGatewayOptions, type TestGateway } from '../../harness/start-gateway.js';

export interface RelayWorld {
  readonly provider: OauthProvider;
  readonly server: ProtectedServer;
  readonly gateway: TestGateway;
  /** `/mcp/guarded` of the gateway. */
  readonly endpoint: string;
  close(): Promise<void>;
}

export interface RelayWorldOptions {
  readonly provider?: OauthProviderOptions;
  readonly server?: Omit<ProtectedServerOptions, 'provider'>;
  /** Over `auth_type: oauth2`. */
  readonly entry?: Readonly<Record<string, unknown>>;
  readonly servers?: Readonly<Record<string, unknown>>;
  /** `general_settings`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly gateway?: StartGatewayOptions;
}

/** The gateway in front of a protected server (`guarded`) whose authorization server is a real one. */
export async function relayWorld(options: RelayWorldOptions = {}): Promise<RelayWorld> {
  const provider = await oauthProvider(options.provider);
  const server = await protectedServer({ provider, ...options.server });
  const gateway = await startGateway({
    ...options.gateway,
    config: {
      mcp_servers: { guarded: { url: server.url, auth_type: 'oauth2', ...options.entry }, ...options.servers },
      ...(options.settings === undefined ? {} : { general_settings: options.settings }),
    },
  });
  return {
    provider,
    server,
    gateway,
    endpoint: `${gateway.url}/mcp/guarded`,
    async close() {
      await gateway.close();
      await server.close();
      await provider.close();
    },
  };
}
