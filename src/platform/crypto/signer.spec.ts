import { SealingSecret } from '../../core/model/sealing-secret.js';
import { Secret } from '../../core/model/secret.js';
import { Signer } from './signer.js';

const signer = new Signer(new Secret('secret'), 'test');

test('the same text for the same owner is always the same, and opens for that owner only', () => {
  const signed = signer.sign('text', 'me');
  expect(signer.sign('text', 'me')).toBe(signed);
  expect(signer.open(signed, 'me')).toBe('text');
  expect(signer.open(signed, 'you')).toBeUndefined();
  expect(new Signer(new Secret('secret'), 'other').open(signed, 'me')).toBeUndefined();
});

test('what was signed under another salt of the installation opens; anything new is signed under the present one', () => {
  const signed = signer.sign('text', 'me');
  const rotated = new Signer(new SealingSecret('next secret', [new Secret('secret')]), 'test');
  expect(rotated.open(signed, 'me')).toBe('text');
  expect(rotated.open(signed, 'you')).toBeUndefined();
  expect(signer.open(rotated.sign('text', 'me'), 'me')).toBeUndefined();
});

test.each(['', '.', 'a.b', 'a', 'dGV4dA.AAAAAAAAAAAAAAAAAAAAAA'])('%j was not signed', (text) => {
  expect(signer.open(text, 'me')).toBeUndefined();
});

test('a text that was changed, or written otherwise, does not open', () => {
  const signed = signer.sign('text', 'me');
  expect(signer.open(`${signed}.x`, 'me')).toBeUndefined();
  expect(signer.open(`${signed}=`, 'me')).toBeUndefined();
  expect(signer.open(signed.replace('dGV4dA', 'dGV4dB'), 'me')).toBeUndefined();
});
