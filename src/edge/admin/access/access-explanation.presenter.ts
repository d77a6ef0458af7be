import type { AccessExplanation } from '../../../core/access/explain-access.js';
import type { Verdict } from '../../../state/identity/build-principal.js';

/** The decision, whom it is about, and what each part said. */
export function presentExplanation(
  told: AccessExplanation,
  verdict: Verdict,
  key: { readonly hash: string; readonly alias: string | null } | undefined,
) {
  const principal = verdict.kind === 'principal' ? verdict.principal : undefined;
  const refused = verdict.kind === 'refused' ? verdict.reason : undefined;
  return {
    allowed: told.allowed && refused === undefined,
    reason: refused === undefined ? told.words : `The key is refused: ${refused.replaceAll('_', ' ')}`,
    key: key === undefined ? null : { token: key.hash, key_alias: key.alias, refused: refused ?? null },
    caller:
      principal === undefined
        ? null
        : {
            role: principal.role,
            user_id: principal.userId ?? null,
            team_id: principal.teamId ?? null,
            organization_id: principal.organizationId ?? null,
            end_user_id: principal.endUserId ?? null,
          },
    server: told.server === undefined ? null : { server_id: told.server.id, server_name: told.server.name },
    tool: told.tool ?? null,
    prompts_and_resources: told.content && refused === undefined,
    allowed_params: told.allowedParams ?? null,
    steps:
      refused === undefined
        ? told.steps.map(({ step, says, words, tools }) => ({ step, says, words, tools: tools ?? null }))
        : [],
  };
}

export type PresentedExplanation = ReturnType<typeof presentExplanation>;
