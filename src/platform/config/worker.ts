import { randomBytes } from 'node:crypto';
import { placeOf, type Place } from '../../core/model/place.js';

/** Injection token of {@link Worker}. */
export const WORKER = Symbol('Worker');

/**
 * Which process of the gateway this is. Without `--workers` there is one: index 0, count 1. Client sessions and live
 * streams belong to the process that opened them; siblings reach it through its unix socket, other replicas through the
 * address of its replica.
 */
export interface Worker {
  /** 0 … count − 1; a restarted worker keeps its index. */
  readonly index: number;
  readonly count: number;
  /** This run of it, among all processes of all replicas. */
  readonly place: Place;
  /** Where that worker serves the same HTTP handler for its siblings only. Undefined paths do not occur: throws on a foreign index. */
  siblingSocketPath(index: number): string;
}

/** Names a replica, anew at every start. */
export function newReplicaId(): string {
  return randomBytes(8).toString('hex');
}

/** A run that begins now. */
export function newPlace(replica: string, worker: number): Place {
  return placeOf(replica, worker, randomBytes(4).toString('hex'));
}

/** A process without siblings. */
export function loneWorker(): Worker {
  return Object.freeze({
    index: 0,
    count: 1,
    place: newPlace(newReplicaId(), 0),
    siblingSocketPath(index: number): string {
      throw new RangeError(`there is no sibling ${index}: the gateway runs in one process`);
    },
  });
}

/** For programs that serve nobody. */
export const SINGLE_WORKER: Worker = loneWorker();
