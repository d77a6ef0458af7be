import { Secret } from '../../core/model/secret.js';
import type { ServerEntry, UpstreamAuth } from '../../core/model/server-entry.js';
import { EMPTY_OFFER, type ClientOffer } from '../../core/model/client-offer.js';
import { makeServerEntry } from '../../../test/factory/make-server-entry.js';
import { authResolution } from './debug-headers.js';

const secret = new Secret('s');
const client = {
  id: undefined,
  secret: undefined,
  authMethod: 'none',
  privateKey: undefined,
  privateKeyId: undefined,
  signingAlg: 'RS256',
} as const;
const oauth2 = (over: object): UpstreamAuth => ({
  type: 'oauth2',
  flow: 'authorization_code',
  client,
  scopes: [],
  authorizationUrl: undefined,
  tokenUrl: undefined,
  registrationUrl: undefined,
  resource: undefined,
  tokenMode: 'sealed',
  tokenValidation: undefined,
  storageTtlSeconds: undefined,
  redirectUris: [],
  value: undefined,
  ...over,
});
const withToken: ClientOffer = {
  ...EMPTY_OFFER,
  caller: { principalId: 'key:1', upstreamToken: { serverId: 'id-wiki', accessToken: secret } },
};
const perServer: ClientOffer = { ...EMPTY_OFFER, perServer: new Map([['id-wiki', { Authorization: 'Bearer x' }]]) };

test.each<[string, Partial<ServerEntry>, ClientOffer]>([
  ['no-auth', {}, EMPTY_OFFER],
  ['no-auth', { auth: { type: 'bearer_token', value: undefined } }, EMPTY_OFFER],
  ['static-token', { auth: { type: 'api_key', value: secret } }, EMPTY_OFFER],
  ['static-token', { staticHeaders: [['Authorization', secret]] }, perServer],
  ['static-token', { auth: oauth2({ value: secret }) }, EMPTY_OFFER],
  ['per-request-header', { auth: { type: 'bearer_token', value: secret } }, perServer],
  ['per-request-header', {}, { ...EMPTY_OFFER, shared: 'token' }],
  ['per-request-header', { extraHeaders: ['Authorization'] }, { ...EMPTY_OFFER, headers: { authorization: 'x' } }],
  ['m2m-client-credentials', { auth: oauth2({ flow: 'client_credentials' }) }, EMPTY_OFFER],
  ['per-user-token', { auth: oauth2({}) }, EMPTY_OFFER],
  ['oauth2-passthrough', { auth: oauth2({}) }, withToken],
  ['user-key', { byok: true, auth: { type: 'bearer_token', value: undefined } }, EMPTY_OFFER],
  ['identity-header', { identityHeader: { header: 'authorization', audience: 'wiki' } }, EMPTY_OFFER],
  ['no-auth', { identityHeader: { header: 'x-who', audience: 'wiki' } }, EMPTY_OFFER],
])('says %s', (expected, entry, offer) => {
  expect(authResolution(makeServerEntry('wiki', entry), offer)).toBe(expected);
});
