/** One run of one process of the gateway: what is held in memory there is nowhere else, and is gone with it. */
export interface Place {
  /** Id of the replica: the gateway process, or all workers of one primary. */
  readonly replica: string;
  /** Index of the worker process in it. */
  readonly worker: number;
  /** As it stands in ids; no dots, no dashes. Another run of the same worker has another one. */
  readonly tag: string;
}

const TAG = /^([0-9a-f]{16})_(\d{1,4})_([0-9a-f]{8})$/;

/** `replica` is 16, `run` 8 random hex digits. */
export function placeOf(replica: string, worker: number, run: string): Place {
  return Object.freeze({ replica, worker, tag: `${replica}_${worker}_${run}` });
}

/** Undefined for anything that is not a tag. */
export function readPlace(tag: string): Place | undefined {
  const [, replica, worker] = TAG.exec(tag) ?? [];
  return replica === undefined ? undefined : Object.freeze({ replica, worker: Number(worker), tag });
}
