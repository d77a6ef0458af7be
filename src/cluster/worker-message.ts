/** What a worker tells the primary over the IPC channel. */
export type WorkerMessage =
  | {
      readonly kind: 'gatehouse:listening';
      readonly url: string;
      /** The master key, if this worker was the one to make it. */
      readonly firstRunKey: string | undefined;
    }
  | {
      readonly kind: 'gatehouse:warm';
      readonly ready: number;
      readonly total: number;
      readonly failures: Readonly<Record<string, string>>;
    }
  /** It cannot start, for a reason a person can read. */
  | { readonly kind: 'gatehouse:failed'; readonly reason: string };

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    typeof message.kind === 'string' &&
    message.kind.startsWith('gatehouse:')
  );
}
