import type { Adapter, AdapterPayload } from 'oidc-provider';

/** Storage of one authorization server: its own, so that two in one process know nothing of each other. */
export interface MemoryAdapters {
  readonly adapter: (model: string) => Adapter;
  /** Puts a row there beforehand. */
  seed(model: string, id: string, row: AdapterPayload): void;
  /** Forgets everything of these models. */
  clear(...models: string[]): void;
}

export function memoryAdapters(): MemoryAdapters {
  const models = new Map<string, Map<string, AdapterPayload>>();
  const rowsOf = (model: string): Map<string, AdapterPayload> => {
    const rows = models.get(model) ?? new Map<string, AdapterPayload>();
    models.set(model, rows);
    return rows;
  };
  const find = (model: string, matches: (row: AdapterPayload) => boolean) =>
    Promise.resolve([...rowsOf(model).values()].find(matches));
  return {
    adapter: (model) => ({
      upsert(id, payload) {
        rowsOf(model).set(id, { ...payload });
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(rowsOf(model).get(id)),
      findByUid: (uid) => find(model, (row) => row.uid === uid),
      findByUserCode: (userCode) => find(model, (row) => row.userCode === userCode),
      consume(id) {
        const row = rowsOf(model).get(id);
        if (row !== undefined) row.consumed = Math.floor(Date.now() / 1_000);
        return Promise.resolve();
      },
      destroy(id) {
        rowsOf(model).delete(id);
        return Promise.resolve();
      },
      revokeByGrantId(grantId) {
        const rows = rowsOf(model);
        for (const [id, row] of rows) if (row.grantId === grantId) rows.delete(id);
        return Promise.resolve();
      },
    }),
    seed: (model, id, row) => void rowsOf(model).set(id, row),
    clear(...names) {
      for (const name of names) rowsOf(name).clear();
    },
  };
}
