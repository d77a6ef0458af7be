import { join } from 'node:path';
import { newPlace, type Worker } from '../platform/config/worker.js';

/** Variables through which the primary tells a worker its place. */
const INDEX = 'GATEHOUSE_WORKER_INDEX';
const COUNT = 'GATEHOUSE_WORKER_COUNT';
const SOCKET_DIR = 'GATEHOUSE_WORKER_SOCKETS';
const REPLICA = 'GATEHOUSE_WORKER_REPLICA';

/** What the primary of this replica adds to the environment of worker `index`. */
export function workerEnvironment(
  replica: string,
  index: number,
  count: number,
  socketDir: string,
): Record<string, string> {
  return { [REPLICA]: replica, [INDEX]: String(index), [COUNT]: String(count), [SOCKET_DIR]: socketDir };
}

/** The place that {@link workerEnvironment} gave. Throws when there is none: only the primary starts workers. */
export function readWorkerPlace(environment: Readonly<Record<string, string | undefined>>): Worker {
  const index = Number(environment[INDEX]);
  const count = Number(environment[COUNT]);
  const socketDir = environment[SOCKET_DIR];
  const replica = environment[REPLICA];
  const isPlace = Number.isSafeInteger(index) && Number.isSafeInteger(count) && index < count;
  if (!isPlace || socketDir === undefined || replica === undefined) {
    throw new Error('a worker process was started without its place in the cluster');
  }
  return Object.freeze({
    index,
    count,
    place: newPlace(replica, index),
    siblingSocketPath(sibling: number): string {
      if (!Number.isSafeInteger(sibling) || sibling < 0 || sibling >= count) {
        throw new RangeError(`there is no worker ${sibling} of ${count}`);
      }
      return join(socketDir, `worker-${sibling}.sock`);
    },
  });
}
