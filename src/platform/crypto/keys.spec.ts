import { constantTimeEqual } from './constant-time-equal.js';
import { generateKey } from './generate-key.js';
import { hashKey } from './hash-key.js';

describe('gateway keys', () => {
  it('are sk- and at least 128 random bits that never repeat and cannot be printed', () => {
    const keys = Array.from({ length: 100 }, () => generateKey());
    expect(new Set(keys.map((key) => key.reveal())).size).toBe(100);
    for (const key of keys) expect(key.reveal()).toMatch(/^sk-[A-Za-z0-9_-]{22,}$/);
    expect(JSON.stringify(keys[0])).toBe('"[redacted]"');
  });

  it('are stored as their SHA-256', () => {
    // FIPS 180-2, B.1
    expect(hashKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('are compared whole, whatever their length', () => {
    expect(constantTimeEqual('sk-1', 'sk-1')).toBe(true);
    expect(constantTimeEqual('sk-1', 'sk-2')).toBe(false);
    expect(constantTimeEqual('sk-1', 'sk-12')).toBe(false);
    expect(constantTimeEqual('', '')).toBe(true);
  });
});
