import { requestText } from '../rpc-message.js';
import { annotationProblem } from './argument-headers.js';
import { composeRequest } from './compose-request.js';

const ENVELOPE = {
  capabilitiesText: '{"roots":{}}',
  clientInfoText: '{"name":"c","version":"1"}',
  logLevel: undefined,
};
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': { roots: {} },
};

function meta(text: string): unknown {
  return (JSON.parse(text) as { params: { _meta: unknown } }).params._meta;
}

describe('composeRequest', () => {
  test.each([
    ['no params', undefined, {}],
    ['empty params', '{}', {}],
    ['params without _meta', '{"cursor":"x"}', {}],
    ['an empty _meta', '{"_meta":{}}', {}],
    [
      'a _meta of others',
      '{"_meta":{"traceparent":"00-1","progressToken":7}}',
      { traceparent: '00-1', progressToken: 7 },
    ],
    ['a _meta that is none', '{"_meta":3}', {}],
    [
      'an envelope that claims more',
      '{"_meta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"a/b":1}}',
      { 'a/b': 1 },
    ],
  ])('puts the envelope into %s', (_title, params, others) => {
    const { text } = composeRequest('tools/list', requestText(1, 'tools/list', params), ENVELOPE);
    expect(meta(text)).toEqual({ ...META, ...others });
    expect(text.match(/clientCapabilities/g)).toHaveLength(1);
  });

  test('leaves everything else as it came', () => {
    const args = '{ "big": 12345678901234567890,  "x" : "\\u00e9" }';
    const { text } = composeRequest(
      'tools/call',
      requestText(1, 'tools/call', `{"name":"t","arguments":${args}}`),
      ENVELOPE,
    );
    expect(text).toContain(args);
  });

  test.each([
    ['tools/call', '{"name":"plain"}', 'plain'],
    ['prompts/get', '{"name":"grün"}', `=?base64?${Buffer.from('grün').toString('base64')}?=`],
    ['resources/read', '{"uri":"test://a"}', 'test://a'],
    ['tools/call', '{"name":" padded"}', `=?base64?${Buffer.from(' padded').toString('base64')}?=`],
  ])('repeats the name of %s %s in a header', (method, params, name) => {
    const { headers } = composeRequest(method, requestText(1, method, params), ENVELOPE);
    expect(headers).toEqual({ 'mcp-method': method, 'mcp-name': name });
  });

  test('repeats annotated arguments to the last digit, and none that is absent, null or no primitive', () => {
    const mirrored = ['big', 'flag', 'none', 'absent', 'object'].map((name) => ({
      name: `X-${name}`,
      path: [name],
      isNumeric: false,
    }));
    const params = '{"name":"t","arguments":{"big":12345678901234567890,"flag":false,"none":null,"object":{}}}';
    const { headers } = composeRequest('tools/call', requestText(1, 'tools/call', params), ENVELOPE, mirrored);
    expect(headers).toEqual({
      'mcp-method': 'tools/call',
      'mcp-name': 't',
      'mcp-param-x-big': '12345678901234567890',
      'mcp-param-x-flag': 'false',
    });
  });
});

describe('annotationProblem', () => {
  const object = (properties: object): object => ({ type: 'object', properties });

  test.each([
    ['none', object({ a: { type: 'string' } })],
    [
      'several, nested',
      object({
        a: { type: 'string', 'x-mcp-header': 'A' },
        b: object({ c: { type: 'integer', 'x-mcp-header': 'C' } }),
      }),
    ],
    ['an argument of that name', object({ 'x-mcp-header': { type: 'string' } })],
    [
      'a default that looks like one',
      object({ a: { type: 'object', default: { 'x-mcp-header': 'A', type: 'number' } } }),
    ],
  ])('objects to nothing in %s', (_title, schema) => {
    expect(annotationProblem(schema)).toBeUndefined();
  });

  test.each([
    ['an empty name', object({ a: { type: 'string', 'x-mcp-header': '' } })],
    ['a name with a space', object({ a: { type: 'string', 'x-mcp-header': 'A B' } })],
    [
      'a name twice',
      object({ a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } }),
    ],
    ['a number', object({ a: { type: 'number', 'x-mcp-header': 'A' } })],
    ['an item of a list', object({ a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } })],
    ['one of several', object({ a: { anyOf: [{ type: 'string', 'x-mcp-header': 'A' }] } })],
  ])('objects to %s', (_title, schema) => {
    expect(annotationProblem(schema)).toEqual(expect.any(String));
  });
});
