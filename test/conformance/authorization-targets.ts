import { CookieBrowser } from '../harness/cookie-browser.js';
import { startGatewayProcess } from '../harness/gateway-process.js';
import type { TargetGroup } from './target.js';

const CLIENT = { client_id: 'conformance', redirect_uris: ['http://127.0.0.1/callback'] };

/** The gateway as the authorization server of its own endpoints, with a user who signs in by key. */
export async function authorizationTargets(): Promise<TargetGroup> {
  const gateway = await startGatewayProcess({
    config: { general_settings: { oauth: { clients: [CLIENT] } } },
    env: { LOG_LEVEL: 'warn' },
  });
  const signIn = async (url: URL): Promise<void> => {
    const browser = new CookieBrowser();
    let page = await browser.get(url);
    if (page.text.includes('name="key"')) page = await browser.submit(page, { key: gateway.key });
    await browser.submit(page, {}, 'decision=allow');
  };
  return {
    targets: [
      { leg: 'authorization', name: 'gateway', era: 'dual', url: gateway.url, clientId: CLIENT.client_id, signIn },
    ],
    close: () => gateway.close(),
  };
}
