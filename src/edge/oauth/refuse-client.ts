import type { ServerResponse } from 'node:http';
import { answerAddress, type ReturnAddress } from './authorization-request.js';
import { errorPage, sendPage } from './browser-page.js';
import type { Clients } from './clients.js';
import type { KnownClient } from './known-client.js';
import type { OAuthRefusal } from './oauth-refusal.js';
import { redirectHost } from './redirect-rules.js';

/**
 * Tells a client what is wrong with its request, before anybody was asked anything (RFC 6749 §4.1.2.1): by its browser at
 * once where that leads to is trusted, else by a page with the way there.
 */
export function refuseClient(
  response: ServerResponse,
  clients: Pick<Clients, 'trustsRedirect'>,
  { client, back }: { readonly client: KnownClient; readonly back: ReturnAddress },
  { code, description }: OAuthRefusal,
): void {
  const address = answerAddress(back, { error: code, error_description: description });
  if (!clients.trustsRedirect(client, back.redirectUri)) {
    const message = `The request of the application cannot be granted: ${description}.`;
    return sendPage(response, errorPage(message, 400, { address, host: redirectHost(back.redirectUri) }));
  }
  response.writeHead(303, { Location: address, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }).end();
}
