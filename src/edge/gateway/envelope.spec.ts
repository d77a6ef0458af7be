import { GatewayError } from '../../core/errors/gateway-error.js';
import { readEnvelope } from './envelope.js';
import { parseBody } from './parse-body.js';

function envelope(text: string): unknown {
  try {
    const body = parseBody(text, 64);
    return body.kind === 'batch' ? body.messages.map(readEnvelope) : readEnvelope(body.message);
  } catch (error) {
    return error instanceof GatewayError ? error.kind.rpcCode : error;
  }
}

describe('parseBody and readEnvelope', () => {
  it.each<[string, unknown]>([
    ['{"jsonrpc":"2.0","id":1,"method":"tools/list"}', { kind: 'request', idText: '1' }],
    ['{"jsonrpc":"2.0","id":"a","method":"x"}', { kind: 'request', idText: '"a"' }],
    ['{"jsonrpc":"2.0","id":12345678901234567890,"method":"x"}', { kind: 'request', idText: '12345678901234567890' }],
    ['{"jsonrpc":"2.0","method":"notifications/initialized"}', { kind: 'notification' }],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', { kind: 'response' }],
    ['{"jsonrpc":"2.0","id":1,"error":{}}', { kind: 'response' }],
    ['{"method":"tools/list"}', { kind: 'request', idText: 'null' }],
    ['{"method":"no/such"}', -32600],
    ['{"id":1,"method":"tools/list"}', -32600],
    ['{"jsonrpc":"1.0","id":1,"method":"tools/list"}', -32600],
    ['{"jsonrpc":"2.0","id":null,"method":"x"}', -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"x"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":7}', -32600],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}', -32600],
    ['[]', -32600],
    ['[1]', -32600],
    ['"x"', -32600],
    ['null', -32600],
    ['{', -32700],
    ['', -32700],
    [`{"jsonrpc":"2.0","id":1,"method":"x","params":${'['.repeat(70)}${']'.repeat(70)}}`, -32600],
    [
      '[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":2,"method":"b"}]',
      [{ kind: 'notification' }, { kind: 'request', idText: '2' }],
    ],
  ])('%.70s', (text, expected) => {
    expect(envelope(text)).toEqual(expected);
  });
});
