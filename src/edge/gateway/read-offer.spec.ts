import { makeServerEntry, makeSnapshot } from '../../../test/factory/make-server-entry.js';
import { SCOPE_ALL } from '../../core/access/request-scope.js';
import { resolveView } from '../../core/access/resolve-view.js';
import { EMPTY_OFFER, type ClientOffer } from '../../core/model/client-offer.js';
import { readOffer, type OfferOptions } from './read-offer.js';
import { NO_GRANTS } from '../../core/model/permission.js';

const options: OfferOptions = {
  sharedHeader: 'x-mcp-auth',
  upstreamAuthorization: undefined,
  isGatewayKey: (value) => value.includes('sk-gateway'),
};

function offer(
  headers: Record<string, string>,
  overrides: Partial<OfferOptions> = {},
  extraHeaders: string[] = [],
): ClientOffer {
  const snapshot = makeSnapshot([
    makeServerEntry('github', { alias: 'GH', extraHeaders }),
    makeServerEntry('git-hub', { alias: 'gh-enterprise' }),
  ]);
  const decision = resolveView(
    snapshot,
    { kind: 'master_key', id: 'm', role: 'proxy_admin', grants: NO_GRANTS },
    SCOPE_ALL,
  );
  if (decision.kind !== 'view') throw new Error('no view');
  return readOffer(headers, decision.view, { ...options, ...overrides });
}

const perServer = (read: ClientOffer): object => Object.fromEntries(read.perServer);

describe('readOffer', () => {
  it('is the one empty offer when the client brings nothing', () => {
    expect(offer({ authorization: 'Bearer sk-gateway', 'x-mcp-servers': 'a', host: 'h' })).toBe(EMPTY_OFFER);
  });

  it('reads x-mcp-{alias}-{header} in any case, by the longest known alias or name (defect 38)', () => {
    const read = offer({
      'x-mcp-gh-authorization': 'Bearer up',
      'x-mcp-gh-x-api-key': 'k',
      'x-mcp-gh-enterprise-authorization': 'Bearer ent',
      'x-mcp-git-hub-x-tenant': 't',
      'x-mcp-nobody-authorization': 'lost',
    });
    expect(perServer(read)).toEqual({
      'id-github': { authorization: 'Bearer up', 'x-api-key': 'k' },
      'id-git-hub': { authorization: 'Bearer ent', 'x-tenant': 't' },
    });
  });

  it('never passes on a gateway key, wherever it stands (defect 31)', () => {
    const read = offer(
      {
        'x-mcp-gh-authorization': 'Bearer sk-gateway',
        'x-mcp-auth': 'sk-gateway',
        'x-api-key': 'sk-gateway',
        authorization: 'Bearer sk-gateway',
        'x-litellm-api-key': 'sk-gateway',
        'x-tenant': 'sk-gateway',
        'x-other': 'fine',
      },
      { upstreamAuthorization: 'Bearer sk-gateway' },
      ['authorization', 'x-tenant', 'x-other', 'x-api-key'],
    );
    expect(JSON.stringify(read)).not.toContain('sk-gateway');
    expect(read.headers['x-other']).toBe('fine');
  });

  it('keeps Authorization to us when it carried the key, and hands it on when x-litellm-api-key did', () => {
    const headers = { authorization: 'Bearer users-own-token' };
    expect(offer(headers, {}, ['Authorization']).headers.authorization).toBeUndefined();
    const flow = { upstreamAuthorization: 'Bearer users-own-token' };
    expect(offer(headers, flow, ['Authorization']).headers.authorization).toBe('Bearer users-own-token');
  });

  it('offers the renamed one-for-all credential, Authorization included', () => {
    expect(offer({ 'x-mcp-auth': 'one' }).shared).toBe('one');
    expect(offer({ 'x-own': 'one' }, { sharedHeader: 'x-own' }).shared).toBe('one');
    const renamed = { sharedHeader: 'authorization', upstreamAuthorization: 'Bearer up' };
    expect(offer({ authorization: 'Bearer up' }, renamed).shared).toBe('Bearer up');
    expect(
      offer({ authorization: 'Bearer up' }, { ...renamed, upstreamAuthorization: undefined }).shared,
    ).toBeUndefined();
  });
});
