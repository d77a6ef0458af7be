import { isRecord } from '../../core/definition/field-checks.js';

/**
 * What the incumbent's guardrail `mcp_jwt_signer` asks for (reference §5.10), as our `general_settings.identity_header`:
 * issuer, audience and life of the tokens. Undefined: there is none that is on for all requests.
 */
export function identityHeaderOfGuardrails(guardrails: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!Array.isArray(guardrails)) return undefined;
  for (const guardrail of guardrails as readonly unknown[]) {
    const parameters = isRecord(guardrail) ? guardrail['litellm_params'] : undefined;
    if (!isRecord(parameters) || parameters['guardrail'] !== 'mcp_jwt_signer' || parameters['default_on'] !== true) {
      continue;
    }
    const { issuer, audience, ttl_seconds: ttl } = parameters;
    return {
      ...(typeof issuer === 'string' && URL.parse(issuer)?.protocol.startsWith('http') === true ? { issuer } : {}),
      // The incumbent's own default, so that servers which check it go on working.
      audience: typeof audience === 'string' ? audience : 'mcp',
      ...(typeof ttl === 'number' ? { ttl_seconds: Math.min(Math.max(Math.round(ttl), 60), 3_600) } : {}),
    };
  }
  return undefined;
}
