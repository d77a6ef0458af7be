import { parseBearerChallenge } from './parse-challenge.js';

describe('the challenge of an upstream', () => {
  it.each([
    [
      'Bearer resource_metadata="https://a.example/prm", scope="read write", error="invalid_token"',
      { resourceMetadata: 'https://a.example/prm', scope: 'read write', error: 'invalid_token' },
    ],
    ['bearer SCOPE=read', { resourceMetadata: undefined, scope: 'read', error: undefined }],
    ['Bearer', { resourceMetadata: undefined, scope: undefined, error: undefined }],
    [
      'Basic realm="x, y", Bearer realm="say \\"hi\\"", scope="a"',
      { resourceMetadata: undefined, scope: 'a', error: undefined },
    ],
    ['Bearer scope="a", Basic realm="b", scope="c"', { resourceMetadata: undefined, scope: 'a', error: undefined }],
    [
      'Bearer scope="", error=insufficient_scope',
      { resourceMetadata: undefined, scope: undefined, error: 'insufficient_scope' },
    ],
  ])('%s is read as RFC 9110 writes it', (header, challenge) => {
    expect(parseBearerChallenge(header)).toEqual(challenge);
  });

  it.each([undefined, '', 'Basic realm="Bearer scope=x"', `Bearer scope="${'a'.repeat(9_000)}"`])(
    'without a Bearer part, or far too long, is none (%#)',
    (header) => {
      expect(parseBearerChallenge(header)).toBeUndefined();
    },
  );
});
