import { rm } from 'node:fs/promises';

/** Ends what `global-setup.ts` started. */
export default async function globalTeardown(): Promise<void> {
  const started = globalThis.gatehouseTestPostgres;
  if (started === undefined) return;
  await started.server.stop();
  await rm(started.dataDir, { recursive: true, force: true });
}
