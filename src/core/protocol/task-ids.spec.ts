import { mapTaskIds, withoutRelatedTask } from './task-ids.js';

const upper = (id: string): string => id.toUpperCase();

test.each([
  ['a task', '{"taskId":"a", "status":"working"}', '{"taskId":"A", "status":"working"}'],
  ['a created task', '{"task":{"taskId":"a"},"n":1.0}', '{"task":{"taskId":"A"},"n":1.0}'],
  ['a list', '{"tasks":[{"taskId":"a"},{"taskId":"b"},3]}', '{"tasks":[{"taskId":"A"},{"taskId":"B"},3]}'],
  [
    'a related task',
    '{"content":[{"taskId":"x"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a"}}}',
    '{"content":[{"taskId":"x"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"A"}}}',
  ],
  ['something else', '{"taskId":5,"task":"t","tasks":{}}', '{"taskId":5,"task":"t","tasks":{}}'],
  ['no object', '"taskId"', '"taskId"'],
])('the ids in %s are replaced, and nothing else', (_what, text, mapped) => {
  expect(mapTaskIds(text, upper)).toBe(mapped);
});

test('an id that is not known stays', () => {
  expect(mapTaskIds('{"taskId":"a"}', () => undefined)).toBe('{"taskId":"a"}');
});

test.each([
  [
    '{"n":1.0,"_meta":{"x":[1],"io.modelcontextprotocol/related-task":{"taskId":"a"}},"content":[]}',
    '{"n":1.0,"_meta":{"x":[1]},"content":[]}',
  ],
  ['{"io.modelcontextprotocol/related-task":1}', '{"io.modelcontextprotocol/related-task":1}'],
  ['"io.modelcontextprotocol/related-task"', '"io.modelcontextprotocol/related-task"'],
])('a result loses the task it is of, and nothing else: %s', (result, without) => {
  expect(withoutRelatedTask(result)).toBe(without);
});
