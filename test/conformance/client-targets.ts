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
  const client = (name: string, driver: readonly string[], takes: ClientTarget['takes']): ClientTarget => {
    const program = ['--import', `${ROOT}scripts/load-typescript.mjs`, ...driver];
    return {
      leg: 'client',
      name,
      era: 'dual',
      command: [process.execPath, ...program].map((part) => `'${part}'`).join(' '),
      env: { GATEHOUSE_URL: gateway.url, GATEHOUSE_KEY: gateway.key },
      takes,
    };
  };
  const plain = `${ROOT}test/conformance/client-driver.ts`;
  const clients = [
    client('legacy client', [plain, 'legacy'], (scenario) => !isAuthorization(scenario)),
    client('modern client', [plain, 'modern'], (scenario) => !isAuthorization(scenario)),
    client(
      'client that signs in',
      [`${ROOT}test/conformance/auth-client-driver.ts`],
      (scenario, set) =>
        isAuthorization(scenario) && (set === '2026-07-28' || (set === '2025-11-25' && !isExtension(scenario))),
    ),
  ];
  return { targets: clients, close: () => gateway.close() };
}

function isAuthorization(scenario: string): boolean {
  return scenario.startsWith('auth/');
}

/** Extensions are of no revision; once is enough. */
function isExtension(scenario: string): boolean {
  return /^auth\/(client-credentials-|enterprise-|dpop|wif-)/.test(scenario);
}
