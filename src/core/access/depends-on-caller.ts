import type { ServerEntry } from '../model/server-entry.js';

/**
 * Whether what a server is sent depends on who calls: the gateway has no credential for itself there. Such servers are not
 * asked for a sign of life, nor before the first caller comes.
 */
export function dependsOnCaller({ auth, endpoint, byok, perUserEnv, headerVariables }: ServerEntry): boolean {
  // A child process is told nothing but its environment.
  if (endpoint.kind === 'stdio') return perUserEnv.length > 0;
  if (byok || headerVariables.some(({ isPerUser }) => isPerUser)) return true;
  switch (auth.type) {
    case 'oauth2':
      return auth.flow === 'authorization_code' && auth.value === undefined;
    case 'oauth2_token_exchange':
    case 'oauth2_id_jag':
      return true;
    default:
      return false;
  }
}
