import { setTimeout as delay } from 'node:timers/promises';
import { clientCapabilities } from '../../core/model/client-capabilities.js';
import type { Limits } from '../../core/model/limits.js';
import type { ServerRequest } from '../../engine/upstream/client-interaction.js';
import { CallControl } from '../../engine/upstream/upstream.js';
import { TaskWatches } from './modern-task-watches.js';

const ASKABLE = clientCapabilities('{"elicitation":{}}');
const QUESTION = { method: 'elicitation/create', params: '{"message":"?"}' } as ServerRequest;

function watches(clientAnswerTimeoutMs = 60_000): TaskWatches {
  return new TaskWatches({ clientAnswerTimeoutMs } as Limits);
}

describe('watches over tasks that ask', () => {
  it('a question is open until its answer; keys are never used twice', async () => {
    const watch = watches().open('p', 's', 't', ASKABLE);
    const first = watch?.ask(QUESTION, new CallControl());
    const second = watch?.ask(QUESTION, new CallControl());
    const keys = watch?.questions.map(({ key }) => key) ?? [];
    expect(new Set(keys).size).toBe(2);
    watch?.answer('other', '{}');
    watch?.answer(keys[0] ?? '', '{"action":"accept"}');
    watch?.answer(keys[0] ?? '', '{"action":"decline"}');
    expect(await first).toEqual({ kind: 'result', text: '{"action":"accept"}' });
    expect(watch?.questions.map(({ key }) => key)).toEqual(keys.slice(1));
    watch?.end();
    expect(await second).toMatchObject({ kind: 'error' });
  });

  it('a client is not asked for what it did not declare', async () => {
    const watch = watches().open('p', 's', 't', clientCapabilities('{"roots":{}}'));
    expect(await watch?.ask(QUESTION, new CallControl())).toMatchObject({ kind: 'error' });
    expect(watch?.questions).toEqual([]);
  });

  it('a principal has a bounded number of them, and one that nobody looks at ends', async () => {
    const all = watches(20);
    const open = Array.from({ length: 60 }, (_, index) => all.open('p', 's', `t${index}`, ASKABLE));
    expect(open.filter((watch) => watch !== undefined)).toHaveLength(50);
    expect(all.open('q', 's', 't', ASKABLE)).toBeDefined();
    const asked = open[0]?.ask(QUESTION, new CallControl());
    expect(await asked).toMatchObject({ kind: 'error' });
    await delay(1);
    expect(open[0]?.control.reason).toBe('abandoned');
    expect(all.find('p', 's', 't0')).toBeUndefined();
    expect(all.open('p', 's', 't60', ASKABLE)).toBeDefined();
    all.beforeApplicationShutdown();
  });
});
