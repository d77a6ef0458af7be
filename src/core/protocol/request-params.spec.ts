import {
  progressTokenText,
  readParams,
  rewriteParams,
  withProgressToken,
  type RequestParams,
} from './request-params.js';
import { readRpcMessage, type RpcMessage } from './rpc-message.js';

function message(params: string): RpcMessage {
  const read = readRpcMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
  if (read === undefined) throw new Error('not a message');
  return read;
}

function params(text: string): RequestParams {
  const read = readParams(message(text));
  if (read === undefined || read === 'invalid') throw new Error('no params');
  return read;
}

describe('rewriteParams', () => {
  it('changes the name and the progress token and not a byte else', () => {
    const text =
      '{ "name" : "gh-search", "arguments": {"big": 12345678901234567890, "name":"kept", "z":1e400},' +
      ' "_meta":{"progressToken":"t\\u0031","x":[1 ,2]}, "unknown":{"a":"\\ud83d"} }';
    expect(rewriteParams(params(text), { name: '"search"' }, 77)).toBe(
      '{ "name" : "search", "arguments": {"big": 12345678901234567890, "name":"kept", "z":1e400},' +
        ' "_meta":{"progressToken":77,"x":[1 ,2]}, "unknown":{"a":"\\ud83d"} }',
    );
  });

  it('adds nothing that was not asked for', () => {
    expect(rewriteParams(params('{"uri":"a"}'), { name: '"x"' }, 5)).toBe('{"uri":"a"}');
    const odd = '{"toString":1,"constructor":{},"__proto__":[]}';
    expect(rewriteParams(params(odd), { name: '"x"' }, 5)).toBe(odd);
  });
});

describe('readParams', () => {
  it('refuses repeated members, which two parsers would read differently', () => {
    expect(readParams(message('{"name":"allowed","name":"denied"}'))).toBe('invalid');
    expect(readParams(message('{"name":"allowed","n\\u0061me":"denied"}'))).toBe('invalid');
  });

  it.each(['[]', '1', 'null', '"x"'])('refuses %s, which is not an object', (text) => {
    expect(readParams(message(text))).toBe('invalid');
  });
});

describe('progress tokens', () => {
  it('are kept as raw text and put back into notifications', () => {
    expect(progressTokenText(params('{"_meta":{"progressToken": 9007199254740993 }}'))).toBe('9007199254740993');
    expect(progressTokenText(params('{"_meta":{}}'))).toBeUndefined();
    expect(progressTokenText(params('{"_meta":7}'))).toBeUndefined();
    const notification = readRpcMessage(
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":4,"progress":0.5,"message":"half"}}',
    );
    expect(notification && withProgressToken(notification, '"mine"')).toBe(
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":0.5,"message":"half"}}',
    );
  });
});
