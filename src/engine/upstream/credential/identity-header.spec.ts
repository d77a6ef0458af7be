import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { EMPTY_OFFER, type ClientOffer } from '../../../core/model/client-offer.js';
import { makeServerEntry } from '../../../../test/factory/make-server-entry.js';
import { waitFor } from '../../../../test/harness/wait-for.js';
import { IdentityHeaders } from './identity-header.js';

const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const wiki = makeServerEntry('wiki', { identityHeader: { header: 'x-who', audience: 'wiki' } });
const ada: ClientOffer = {
  ...EMPTY_OFFER,
  caller: { principalId: 'key:1', userId: 'ada', email: 'ada@example.com', teamId: 'devs', organizationId: 'acme' },
};

/** A signer with a clock and keys that are set by hand. */
function place() {
  const clock = { now: 1_700_000_000_000 };
  const keys = {
    id: 'first',
    version: 0,
    asked: 0,
    failure: undefined as Error | undefined,
    async active() {
      keys.asked += 1;
      if (keys.failure !== undefined) throw keys.failure;
      return Promise.resolve({ id: keys.id, key });
    },
  };
  const signer = new IdentityHeaders({
    keys,
    settings: { issuer: 'https://mcp.example.com', ttlMs: 300_000 },
    baseUrl: undefined,
    now: () => clock.now,
  });
  const token = async (offer: ClientOffer = ada, entry = wiki) => {
    const headers = await signer.credentialFor(entry, offer).source.headers();
    return headers['x-who'] ?? '';
  };
  return { clock, keys, signer, token };
}

test('a token lives for the time of the setting, is kept for most of it, and replaced behind calls', async () => {
  const { clock, keys, token } = place();
  const first = await token();
  expect(decodeJwt(first)).toMatchObject({ iat: 1_700_000_000, nbf: 1_699_999_995, exp: 1_700_000_300 });
  clock.now += 170_000;
  expect(await token()).toBe(first);
  clock.now += 20_000;
  expect(await token()).toBe(first);
  await waitFor(async () => (await token()) !== first, { what: 'the next token' });
  const second = await token();
  expect(second).not.toBe(first);
  expect(keys.asked).toBe(2);
  // What is about to end is not sent any more.
  clock.now += 280_000;
  expect([first, second]).not.toContain(await token());
});

test('while the keys cannot be had the present token serves to its end, and nothing is sent after it', async () => {
  const { clock, keys, token } = place();
  const first = await token();
  keys.failure = new Error('the database is away');
  clock.now += 200_000;
  expect(await token()).toBe(first);
  clock.now += 80_000;
  await expect(token()).rejects.toMatchObject({ code: 'upstream/token_failed' });
});

test('other keys, another team or address are another token at once', async () => {
  const { keys, token } = place();
  const first = await token();
  expect(
    await token({ ...ada, caller: { ...ada.caller, principalId: 'key:1', userId: 'ada', teamId: 'ops' } }),
  ).not.toBe(first);
  keys.id = 'second';
  keys.version += 1;
  expect(decodeProtectedHeader(await token()).kid).toBe('second');
});

test('many who wait for the same token wait for one signature', async () => {
  const { keys, token } = place();
  const tokens = await Promise.all(Array.from({ length: 50 }, () => token()));
  expect(new Set(tokens).size).toBe(1);
  expect(keys.asked).toBe(1);
});

test.each<[string, ClientOffer, object]>([
  [
    'a user and the key they use',
    ada,
    { sub: 'ada', act: { sub: 'key:1' }, email: 'ada@example.com', team: 'devs', org: 'acme' },
  ],
  ['a key of nobody', { ...EMPTY_OFFER, caller: { principalId: 'key:2' } }, { sub: 'key:2' }],
  ['the gateway itself', EMPTY_OFFER, { sub: 'gatehouse' }],
])('says who calls: %s', async (_, offer, claims) => {
  const { token, signer } = place();
  const said = decodeJwt(await token(offer));
  expect(said).toMatchObject({ iss: 'https://mcp.example.com', aud: 'wiki', ...claims });
  expect(said['act']).toEqual('act' in claims ? claims.act : undefined);
  // Lists and connections are shared by those of whom the same is said.
  expect(signer.credentialFor(wiki, offer).identity).toBe(
    offer.caller === undefined ? 'shared' : `caller:${offer.caller.principalId}`,
  );
});
