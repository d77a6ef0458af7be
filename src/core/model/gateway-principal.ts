import { NO_GRANTS } from './permission.js';
import type { Principal } from './principal.js';

/** The gateway itself, where something is written on nobody's behalf: a token that was renewed, a grant that died. */
export const GATEWAY_PRINCIPAL: Principal = Object.freeze({
  kind: 'master_key',
  id: 'gateway',
  role: 'proxy_admin',
  grants: NO_GRANTS,
});
