import { pino } from 'pino';
import { makeServerEntry } from '../../../test/factory/make-server-entry.js';
import { DEFAULT_LIMITS } from '../../core/model/limits.js';
import type { HttpClient } from '../../platform/http/http-client.js';
import { EraMemory } from './era-memory.js';
import { TransportMemory } from './transport-memory.js';
import { UpstreamOpener } from './upstream-opener.js';

/** No process here needs it. */
const NO_HTTP = {} as HttpClient;

test.each([
  ['another command', { command: 'bash' }, 'allowed_commands'],
  ['a variable that hijacks', { env: { LD_PRELOAD: '/tmp/x.so' } }, 'LD_PRELOAD'],
])('a stored server is not started with %s, whoever let it get this far', async (_title, fields, words) => {
  const stdio = { enabled: true, allowedCommands: ['node'], maxChildren: 1, idleMs: 1_000 };
  const opener = new UpstreamOpener(NO_HTTP, stdio, pino({ level: 'silent' }), {});
  const endpoint = {
    kind: 'stdio',
    command: 'node',
    args: [],
    env: {},
    cwd: undefined,
    isolation: 'server',
    ...fields,
  };
  const entry = makeServerEntry('a', { origin: 'db', endpoint: endpoint as never });
  const opening = opener.open(
    {
      entry,
      credential: { headers: {}, env: {}, identity: 'shared' },
      limits: DEFAULT_LIMITS,
      nextRequestId: () => 1,
      onNotification: () => undefined,
      onClose: () => undefined,
    },
    new TransportMemory(() => 0),
    new EraMemory(() => 0),
  );
  await expect(opening).rejects.toMatchObject({
    code: 'upstream/spawn_refused',
    message: expect.stringContaining(words),
  });
});
