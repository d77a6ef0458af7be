import { SealingSecret } from '../../core/model/sealing-secret.js';
import { Secret } from '../../core/model/secret.js';
import { Sealer } from './sealer.js';

const first = new Secret('first secret');
const second = new Secret('second secret');

describe('Sealer', () => {
  const sealer = new Sealer(first, 'test');

  it.each(['', 'a', 'session-1', 'Grüße, 世界 🌍', 'x'.repeat(10_000)])('gives back what was sealed: %.20s', (text) => {
    expect(sealer.open(sealer.seal(text))).toBe(text);
    expect(sealer.open(sealer.seal(text, 'owner'), 'owner')).toBe(text);
  });

  it('produces text that fits into headers and URLs and never repeats', () => {
    const seen = new Set(Array.from({ length: 1_000 }, () => sealer.seal('same')));
    expect(seen.size).toBe(1_000);
    for (const text of seen) expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('opens nothing after any one bit of the text was flipped', () => {
    const text = sealer.seal('bound', 'owner');
    for (let at = 0; at < text.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) + text.slice(at + 1);
        expect(sealer.open(flipped, 'owner')).toBeUndefined();
      }
    }
  });

  it('opens nothing that was cut short, extended or made up', () => {
    const text = sealer.seal('bound');
    for (let length = 0; length < text.length; length++) expect(sealer.open(text.slice(0, length))).toBeUndefined();
    for (const garbage of [`${text}A`, `${text}=`, ` ${text}`, `${text}\n`, 'sk-1234', '\u0000', 'é'.repeat(80)]) {
      expect(sealer.open(garbage)).toBeUndefined();
    }
  });

  it('opens only for the owner it was sealed for', () => {
    const text = sealer.seal('bound', 'alice');
    expect(sealer.open(text, 'bob')).toBeUndefined();
    expect(sealer.open(text)).toBeUndefined();
    expect(sealer.open(sealer.seal('free'), 'alice')).toBeUndefined();
  });

  it('opens only under the same secret and purpose', () => {
    const text = sealer.seal('bound');
    expect(new Sealer(first, 'test').open(text)).toBe('bound');
    expect(new Sealer(first, 'other').open(text)).toBeUndefined();
    expect(new Sealer(second, 'test').open(text)).toBeUndefined();
  });

  it('still opens what a former secret sealed, and tells that it is outdated', () => {
    const rotated = new Sealer(new SealingSecret('second secret', [first]), 'test');
    const old = sealer.seal('kept');
    expect(rotated.open(old)).toBe('kept');
    expect(rotated.isOutdated(old)).toBe(true);
    const renewed = rotated.seal('kept');
    expect(rotated.isOutdated(renewed)).toBe(false);
    expect(sealer.open(renewed)).toBeUndefined();
  });
});
