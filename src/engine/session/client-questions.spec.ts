import { readRpcMessage, type RpcMessage } from '../../core/protocol/rpc-message.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { CallControl } from '../upstream/upstream.js';
import { ClientQuestions, type Delivery } from './client-questions.js';

const ENTRY = { id: 's', name: 's' } as ServerEntry;

function make(openMax = 10, delivery: Delivery = 'sent') {
  const questions = new ClientQuestions('tag', { openMax, answerTimeoutMs: 60_000 });
  const sent: string[] = [];
  const notified: string[] = [];
  const ask = (params: string | undefined, control = new CallControl()) =>
    questions.ask(
      { entry: ENTRY, method: 'roots/list', params, notify: (text) => void notified.push(text) },
      control,
      (text) => {
        sent.push(text);
        return delivery;
      },
    );
  return { questions, sent, notified, ask };
}

function message(value: string): RpcMessage {
  const read = readRpcMessage(value);
  if (read === undefined) throw new Error('not a message');
  return read;
}

test('params and answers pass as they came; ids are the gateway’s, each once', async () => {
  const { questions, sent, ask } = make();
  const replies = [ask('{"n": 12345678901234567890}'), ask(undefined)];
  expect(sent).toEqual([
    '{"jsonrpc":"2.0","id":"gatehouse-tag-1","method":"roots/list","params":{"n": 12345678901234567890}}',
    '{"jsonrpc":"2.0","id":"gatehouse-tag-2","method":"roots/list"}',
  ]);
  expect(questions.answer(message('{"jsonrpc":"2.0","id":"gatehouse-tag-2","error":{"code":-1,"x": 1.0}}'))).toBe(
    'question',
  );
  expect(questions.answer(message('{"jsonrpc":"2.0","id":"gatehouse-tag-1","result":{"big": 1e400}}'))).toBe(
    'question',
  );
  expect(await Promise.all(replies)).toEqual([
    { kind: 'result', text: '{"big": 1e400}' },
    { kind: 'error', text: '{"code":-1,"x": 1.0}' },
  ]);
});

test('an answer that comes twice or late is ignored; one for another process is told apart', async () => {
  const { questions, ask } = make();
  const reply = ask('{}');
  const answer = message('{"jsonrpc":"2.0","id":"gatehouse-tag-1","result":{}}');
  expect([questions.answer(answer), questions.answer(answer)]).toEqual(['question', 'late']);
  await reply;
  expect(questions.answer(message('{"jsonrpc":"2.0","id":"gatehouse-other-1","result":{}}'))).toBe('foreign');
});

test('a question that the server withdrew is cancelled at the client', async () => {
  const { questions, sent, ask } = make();
  const control = new CallControl();
  const reply = ask('{}', control);
  control.cancel();
  expect((await reply).kind).toBe('error');
  expect(JSON.parse(sent[1] ?? '')).toMatchObject({
    method: 'notifications/cancelled',
    params: { requestId: 'gatehouse-tag-1' },
  });
  expect(questions.size).toBe(0);
});

test('progress of the client goes to the server under the token that it gave', async () => {
  const { questions, sent, notified, ask } = make();
  const reply = ask('{"_meta":{"progressToken":7},"a":1}');
  expect(sent[0]).toContain('"params":{"_meta":{"progressToken":"gatehouse-tag-1"},"a":1}');
  const params = '{"progressToken":"gatehouse-tag-1","progress":1}';
  questions.progress(message(`{"jsonrpc":"2.0","method":"notifications/progress","params":${params}}`));
  expect(notified).toEqual([
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}',
  ]);
  questions.end();
  expect((await reply).kind).toBe('error');
});

test('more than the bound, or without a way to the client, is refused at once', async () => {
  const { questions, ask } = make(1);
  const first = ask('{}');
  expect((await ask('{}')).text).toContain('has 1 requests to answer already');
  questions.end();
  expect((await first).text).toContain('gone');
  expect((await make(1, 'impossible').ask('{}')).text).toContain('no stream');
});
