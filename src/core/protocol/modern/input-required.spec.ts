import { readParams, type RequestParams } from '../request-params.js';
import { readRpcMessage } from '../rpc-message.js';
import { declares, inputRequiredResult, neededCapability, readRoundInput } from './input-required.js';

function paramsOf(text: string): RequestParams {
  const message = readRpcMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${text}}`);
  const params = message === undefined ? undefined : readParams(message);
  if (params === undefined || params === 'invalid') throw new Error('no params');
  return params;
}

describe('asking the client (2026-07-28, "Multi Round-Trip Requests")', () => {
  test('requests are passed on as they came', () => {
    const text = inputRequiredResult(
      [
        { key: 'a"', method: 'elicitation/create', params: '{"message":"m","n":12345678901234567890}' },
        { key: 'b', method: 'roots/list', params: undefined },
      ],
      's"t',
      '{"name":"g","version":"1"}',
    );
    expect(text).toContain('"params":{"message":"m","n":12345678901234567890}');
    expect(JSON.parse(text)).toMatchObject({
      resultType: 'input_required',
      inputRequests: { 'a"': { method: 'elicitation/create' }, b: { method: 'roots/list' } },
      requestState: 's"t',
    });
  });

  test('answers come back as they came; what is no object is no answer', () => {
    const input = readRoundInput(paramsOf('{"requestState":"s","inputResponses":{"a":{"n":1.0},"b":12345,"c":null}}'));
    expect(input).toEqual({ requestState: 's', responses: new Map([['a', '{"n":1.0}']]) });
  });

  test.each(['{"requestState":1}', '{"inputResponses":null}', '{"inputResponses":[]}'])('%s is refused', (text) => {
    expect(readRoundInput(paramsOf(text))).toHaveProperty('problem');
  });

  test.each<[string, unknown, Record<string, unknown>, boolean]>([
    ['elicitation/create', {}, { elicitation: {} }, true],
    ['elicitation/create', {}, { elicitation: { form: {} } }, true],
    ['elicitation/create', {}, { elicitation: { url: {} } }, false],
    ['elicitation/create', { mode: 'url' }, { elicitation: {} }, false],
    ['elicitation/create', { mode: 'url' }, { elicitation: { url: {} } }, true],
    ['sampling/createMessage', {}, { sampling: {} }, true],
    ['sampling/createMessage', { tools: [] }, { sampling: {} }, false],
    ['sampling/createMessage', { tools: [] }, { sampling: { tools: {} } }, true],
    ['roots/list', undefined, { elicitation: {} }, false],
  ])('%s with %j of a client that has %j: %s', (method, params, capabilities, may) => {
    expect(declares(capabilities, neededCapability(method, params) ?? {})).toBe(may);
  });

  test('nothing else is asked of a client', () => {
    expect(neededCapability('tools/list', {})).toBeUndefined();
  });
});
