import { fileURLToPath } from 'node:url';
import { startGatewayProcess } from '../harness/gateway-process.js';
import type { ClientTarget, TargetGroup } from './target.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A gateway as the suite's client, driven by a plain SDK client of either era: what servers see of it. */
export async function clientTargets(): Promise<TargetGroup> {
  const gateway = await startGatewayProcess({
    config: { general_settings: { store_model_in_db: true } },
    env: { LOG_LEVEL: 'warn' },
  });
  const clients = (['legacy', 'modern'] as const).map((era): ClientTarget => {
    const program = ['--import', `${ROOT}scripts/load-typescript.mjs`, `${ROOT}test/conformance/client-driver.ts`, era];
    return {
      leg: 'client',
      name: `${era} client`,
      era: 'dual',
      command: [process.execPath, ...program].map((part) => `'${part}'`).join(' '),
      env: { GATEHOUSE_URL: gateway.url, GATEHOUSE_KEY: gateway.key },
      // How servers want to be authorized has a client of its own.
      takes: (scenario) => !scenario.startsWith('auth/'),
    };
  });
  return { targets: clients, close: () => gateway.close() };
}
