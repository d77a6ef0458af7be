import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import tls from 'node:tls';
import { generate } from 'selfsigned';
import { listen } from './listen.js';

/** A server on `https://127.0.0.1` that this process trusts from now on. */
export async function listenHttps(
  answer: RequestListener,
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), cert]);
  const { origin, close } = await listen(createServer({ key, cert }, answer));
  return { origin: origin.replace('http:', 'https:'), close };
}
