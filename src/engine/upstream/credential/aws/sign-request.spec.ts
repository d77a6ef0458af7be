import { Secret } from '../../../../core/model/secret.js';
import type { AwsKeys } from './aws-keys.js';
import { hashOf, signRequest, type SignableRequest } from './sign-request.js';

/** The published "AWS Signature Version 4 test suite": its credentials, scope and time. */
const SUITE = {
  keys: {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
    sessionToken: undefined,
    expiresAt: undefined,
  } satisfies AwsKeys,
  scope: { region: 'us-east-1', service: 'service' },
  at: new Date('2015-08-30T12:36:00Z'),
};

const BASE: SignableRequest = { method: 'GET', host: 'example.amazonaws.com', path: '/', headers: {}, body: '' };

// Paths of the suite are not encoded yet: encoding them once is what a signer does to a path that is.
test.each<[string, Partial<SignableRequest>, string, string]>([
  ['get-vanilla', {}, 'host;x-amz-date', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    'post-vanilla',
    { method: 'POST' },
    'host;x-amz-date',
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
  ['get-utf8', { path: '/ሴ' }, 'host;x-amz-date', '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
  [
    'get-unreserved',
    { path: '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz' },
    'host;x-amz-date',
    '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
  ],
  [
    'get-space-normalized',
    { path: '/example space/' },
    'host;x-amz-date',
    '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741',
  ],
  [
    'get-slashes-normalized',
    { path: '//example//' },
    'host;x-amz-date',
    '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
  ],
  [
    'get-vanilla-query-order-key-case',
    { path: '/?Param2=value2&Param1=value1' },
    'host;x-amz-date',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'get-vanilla-query-order-encoded',
    { path: '/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1' },
    'host;x-amz-date',
    '371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac',
  ],
  [
    'get-vanilla-utf8-query',
    { path: '/?ሴ=bar' },
    'host;x-amz-date',
    '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
  ],
  [
    'get-header-value-trim',
    { headers: { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' } },
    'host;my-header1;my-header2;x-amz-date',
    'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  ],
  [
    'post-x-www-form-urlencoded, with the hash of its body',
    {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': '13',
        'x-amz-content-sha256': hashOf('Param1=value1'),
      },
      body: 'Param1=value1',
    },
    'content-length;content-type;host;x-amz-content-sha256;x-amz-date',
    'd3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b',
  ],
])('signs as the published test vector %s', (_, request, names, signature) => {
  const { authorization, ...headers } = signRequest({ ...BASE, ...request }, SUITE.keys, SUITE.scope, SUITE.at);
  expect(authorization).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
  );
  expect(headers).toEqual({ 'x-amz-date': '20150830T123600Z' });
});

test.each([
  [
    'get-vanilla-with-session-token',
    'GET',
    '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267',
    '07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8',
  ],
  [
    'post-sts-header-before',
    'POST',
    'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==',
    '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
  ],
])('signs the session token as the published test vector %s', (_, method, token, signature) => {
  const keys = { ...SUITE.keys, sessionToken: new Secret(token) };
  const headers = signRequest({ ...BASE, method }, keys, SUITE.scope, SUITE.at);
  expect(headers['x-amz-security-token']).toBe(token);
  expect(headers.authorization).toContain(`SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=${signature}`);
});

// "Signature Calculations for the Authorization Header" of the S3 API reference: GET Object.
test('signs for S3 as its documentation does, the path as it is', () => {
  const keys: AwsKeys = {
    ...SUITE.keys,
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'),
  };
  const request = {
    ...BASE,
    host: 'examplebucket.s3.amazonaws.com',
    path: '/test.txt',
    headers: { range: 'bytes=0-9', 'x-amz-content-sha256': hashOf('') },
  };
  const scope = { region: 'us-east-1', service: 's3' };
  expect(signRequest(request, keys, scope, new Date('2013-05-24T00:00:00Z')).authorization).toContain(
    'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
});
