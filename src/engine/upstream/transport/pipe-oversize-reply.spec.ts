import { oversizeReplyId } from './pipe-oversize-reply.js';

describe('oversizeReplyId', () => {
  it.each<[string, string, string | undefined, number | undefined]>([
    ['id at the head', '{"jsonrpc":"2.0","id":42,"result":{"content":[', undefined, 42],
    ['id first of all', '{ "id": 42, "jsonrpc": "2.0", "result": {', undefined, 42],
    ['id as a string', '{"jsonrpc":"2.0","id":"42","error":{', undefined, 42],
    ['id at the end', '{"result":{"content":[', 'xxxx"}]},"jsonrpc":"2.0","id":42}', 42],
    ['id before the version at the end', '{"result":{"content":[', 'xxxx"}]},"id":42,"jsonrpc":"2.0"}\r', 42],
    ['end not there yet', '{"result":{"content":[', undefined, undefined],
    ['an id nested in the result', '{"result":{"content":[', '"x":{"a":1,"id":42}}', undefined],
    ['an id inside of a string', '{"result":{"content":[', '\\"a\\":1,\\"id\\":42}', undefined],
    ['a request of the server', '{"jsonrpc":"2.0","id":42,"method":"sampling/createMessage"', '"x"}}', undefined],
    ['no JSON at all', 'xxxxxxxxxx', 'xxxxxxxx', undefined],
  ])('%s', (_title, head, tail, id) => {
    expect(oversizeReplyId(head, tail)).toBe(id);
  });
});
