import { readPlace, type Place } from '../../core/model/place.js';
import type { Secret } from '../../core/model/secret.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { findMember } from '../../core/protocol/json-scan.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import { splice } from '../../core/protocol/splice.js';
import { mapTaskIds, RELATED_TASK } from '../../core/protocol/task-ids.js';
import { Signer } from '../../platform/crypto/signer.js';

/** A task as clients name it, resolved. */
export interface TaskTarget {
  readonly serverId: string;
  readonly taskId: string;
  /** Of a task that a modern client was given: the tool it runs, in the server's words. */
  readonly tool?: string;
  /** Of one whose server is of the legacy era or a child process: the process that takes its questions, or has the child. */
  readonly place?: Place;
}

/**
 * Tasks of upstreams under handles that name their server, good for one principal on any replica: two servers may give
 * two tasks the same id, and nobody may ask for somebody else's.
 */
export class TaskHandles {
  readonly #tasks: Signer;
  readonly #cursors: Signer;

  constructor(secret: Secret) {
    this.#tasks = new Signer(secret, 'task-handle');
    this.#cursors = new Signer(secret, 'task-cursor');
  }

  open(handle: string, principalId: string): TaskTarget | undefined {
    const opened = this.#tasks.open(handle, principalId);
    if (opened === undefined) return undefined;
    const [serverId, taskId, tool, tag] = JSON.parse(opened) as [string, string, string?, string?];
    const place = tag === undefined ? undefined : readPlace(tag);
    return { serverId, taskId, ...(tool === undefined ? {} : { tool }), ...(place === undefined ? {} : { place }) };
  }

  /** The handle of a task for a modern client, which names the tool, too: rights may go while it runs. */
  ofTool({ serverId, taskId, tool, place }: TaskTarget, principalId: string): string {
    return this.#tasks.sign(JSON.stringify([serverId, taskId, tool, place?.tag]), principalId);
  }

  /** A result or params of this server, in the client's words. */
  toClient(text: string, entry: ServerEntry, principalId: string): string {
    return mapTaskIds(text, (taskId) => this.#tasks.sign(JSON.stringify([entry.id, taskId]), principalId));
  }

  /** The same for a notification; free for one that concerns no task. */
  notificationToClient(message: RpcMessage, entry: ServerEntry, principalId: string): string {
    const { text } = message;
    if (message.value['method'] !== 'notifications/tasks/status' && !text.includes(RELATED_TASK)) return text;
    const params = findMember(message.members, 'params');
    if (params === undefined) return text;
    const { start, end } = params;
    return splice(text, [{ start, end, with: this.toClient(text.slice(start, end), entry, principalId) }]);
  }

  /** What the client says to this server, in the server's words; handles of other servers stay what they are. */
  toServer(text: string, entry: ServerEntry, principalId: string): string {
    return mapTaskIds(text, (handle) => {
      const target = this.open(handle, principalId);
      return target?.serverId === entry.id ? target.taskId : undefined;
    });
  }

  /** Where each server's list goes on; opaque. */
  writeCursor(next: ReadonlyMap<string, string>, principalId: string): string {
    return this.#cursors.sign(JSON.stringify([...next]), principalId);
  }

  readCursor(cursor: string, principalId: string): ReadonlyMap<string, string> | undefined {
    const opened = this.#cursors.open(cursor, principalId);
    return opened === undefined ? undefined : new Map(JSON.parse(opened) as [string, string][]);
  }
}
