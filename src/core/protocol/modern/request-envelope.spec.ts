import { readParams, type RequestParams } from '../request-params.js';
import { readRpcMessage } from '../rpc-message.js';
import { toLegacyParams } from './legacy-request.js';
import { claimedVersion, readEnvelope } from './request-envelope.js';

function paramsOf(text: string): RequestParams {
  const message = readRpcMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${text}}`);
  const params = message === undefined ? undefined : readParams(message);
  if (params === undefined || params === 'invalid') throw new Error('no params');
  return params;
}

const VERSION = '"io.modelcontextprotocol/protocolVersion":"2026-07-28"';
const CAPABILITIES = '"io.modelcontextprotocol/clientCapabilities":{"sampling":{},"x":{"big":12345678901234567890}}';

describe('the envelope of a request (2026-07-28, "_meta")', () => {
  test('is read from the text, capabilities as they came', () => {
    const envelope = readEnvelope(
      paramsOf(`{"_meta":{${VERSION}, ${CAPABILITIES},"io.modelcontextprotocol/logLevel":"warning"}}`),
    );
    expect(envelope).toMatchObject({
      protocolVersion: '2026-07-28',
      capabilitiesText: '{"sampling":{},"x":{"big":12345678901234567890}}',
      clientInfo: undefined,
      logLevel: 'warning',
    });
  });

  test.each([
    ['no _meta', '{}'],
    ['_meta that is no object', '{"_meta":[]}'],
    ['no version', `{"_meta":{${CAPABILITIES}}}`],
    ['no capabilities', `{"_meta":{${VERSION}}}`],
    ['a version that is no string', `{"_meta":{"io.modelcontextprotocol/protocolVersion":1,${CAPABILITIES}}}`],
    ['capabilities that are no object', `{"_meta":{${VERSION},"io.modelcontextprotocol/clientCapabilities":[]}}`],
    ['an unknown log level', `{"_meta":{${VERSION},${CAPABILITIES},"io.modelcontextprotocol/logLevel":"loud"}}`],
    ['a repeated key', `{"_meta":{${VERSION},${CAPABILITIES},${VERSION}}}`],
  ])('%s is refused', (_what, text) => {
    expect(readEnvelope(paramsOf(text))).toHaveProperty('problem');
  });

  test('a claim is seen however its key was spelled, and only in params._meta', () => {
    const claim = (text: string): unknown => claimedVersion(JSON.parse(text) as Record<string, unknown>);
    expect(claim('{"params":{"_meta":{"io.modelcontextprotocol\\/protocolVersion":"2026-07-28"}}}')).toBe('2026-07-28');
    expect(claim('{"params":{"arguments":{"_meta":{"io.modelcontextprotocol/protocolVersion":"x"}}}}')).toBe(undefined);
    expect(claim('{"params":[]}')).toBeUndefined();
    expect(claim('{}')).toBeUndefined();
  });
});

describe('a modern request for a legacy upstream', () => {
  test('loses its envelope and its rounds, and nothing else', () => {
    const { text } = toLegacyParams(
      paramsOf(
        `{"name":"a","arguments":{ "n":12345678901234567890,"s":"\\u00e4" },"requestState":"s","inputResponses":{"k":{}},` +
          `"_meta":{${VERSION},${CAPABILITIES},"traceparent":"00-1","progressToken":7,"acme.com/x":[1,  2]},"more":1.0}`,
      ),
    );
    expect(text).toBe(
      '{"name":"a","arguments":{ "n":12345678901234567890,"s":"\\u00e4" },' +
        '"_meta":{"traceparent":"00-1","progressToken":7,"acme.com/x":[1,  2]},"more":1.0}',
    );
  });

  test('keeps no empty _meta behind', () => {
    expect(toLegacyParams(paramsOf(`{"_meta":{${VERSION},${CAPABILITIES}},"name":"a"}`)).text).toBe('{"name":"a"}');
  });

  test('can be read again', () => {
    const params = toLegacyParams(paramsOf(`{"_meta":{${VERSION},${CAPABILITIES},"progressToken":1},"name":"a"}`));
    for (const { key, start, end } of params.members) {
      expect(JSON.parse(params.text.slice(start, end))).toEqual(
        (JSON.parse(params.text) as Record<string, unknown>)[key],
      );
    }
  });
});
