import { createHash } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { Secret } from '../../../core/model/secret.js';
import { openSecretBox } from './open-secret-box.js';

const salt = new Secret('sk-salt-of-the-former-gateway');

function seal(text: string, nonce = Buffer.alloc(24, 7)): Buffer {
  const key = createHash('sha256').update(salt.reveal()).digest();
  return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(Buffer.from(text))]);
}

describe('openSecretBox', () => {
  it.each(['base64', 'base64url'] as const)('opens what the incumbent sealed, in %s', (alphabet) => {
    expect(openSecretBox(seal('tökén-ÿ').toString(alphabet), salt)).toBe('tökén-ÿ');
  });

  it('opens a box that PyNaCl made', () => {
    const sealed = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBc2mzO-gX76rcv4WkzRpN9Qr3_U5yY5Jr5mTZLd0j';
    expect(openSecretBox(sealed, new Secret('sk-1234'))).toBe('upstream-token');
  });

  it.each([
    ['another salt key', seal('token').toString('base64'), 'sk-another'],
    ['one flipped bit', flip(seal('token')).toString('base64'), salt.reveal()],
    ['a plain text', 'not-sealed-at-all', salt.reveal()],
    ['a long plain text', 'x'.repeat(100), salt.reveal()],
    ['nothing', '', salt.reveal()],
  ])('gives nothing for %s, never the sealed text (defect 32)', (_title, sealed, key) => {
    expect(openSecretBox(sealed, new Secret(key))).toBeUndefined();
  });
});

function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(30) ^ 1, 30);
  return copy;
}
