import { declaresTasks, takesToolTasks, TASKS_EXTENSION, toModernTask } from './tasks-extension.js';

describe('the tasks extension', () => {
  it('is declared by its name alone; core tasks of 2025-11-25 are no declaration of it', () => {
    expect(declaresTasks({ extensions: { [TASKS_EXTENSION]: {} } })).toBe(true);
    for (const capabilities of [{}, { extensions: null }, { extensions: {} }, { tasks: { requests: {} } }]) {
      expect(declaresTasks(capabilities)).toBe(false);
    }
  });

  it('a server of 2025-11-25 takes tool calls as tasks only if it says so', () => {
    expect(takesToolTasks({ tasks: { requests: { tools: { call: {} } } } })).toBe(true);
    for (const capabilities of [{}, { tasks: {} }, { tasks: null }, { tasks: { requests: { tools: {} } } }]) {
      expect(takesToolTasks(capabilities)).toBe(false);
    }
  });

  it('a core task gets the names of the extension; everything else stays as it came', () => {
    const task = '{"taskId":"a","ttl":60000,"pollInterval":1e2, "x":{"n":12345678901234567890},"status":"working"}';
    expect(toModernTask(task, new Map([['status', '"completed"']]))).toBe(
      '{"taskId":"a","ttlMs":60000,"pollIntervalMs":1e2,"x":{"n":12345678901234567890},"status":"completed"}',
    );
  });

  it('one that does not say how long it is kept is kept without limit', () => {
    expect(toModernTask('{"taskId":"a"}', new Map())).toBe('{"taskId":"a","ttlMs":null}');
    expect(toModernTask('{"ttl":null}', new Map())).toBe('{"ttlMs":null}');
  });
});
