import { SetMetadata } from '@nestjs/common';

export const OPENAI_ERRORS = 'gatehouse:openai-errors';

/**
 * Errors of this controller (or method) are told as `{"error": {"message", "type", "param", "code"}}`, as clients of the
 * key, team, organization, user and customer routes expect (reference §3), instead of `{"detail": {"error"}}`. Bodies that
 * do not fit their definition are 422 with `{"detail": […]}` either way.
 */
export const OpenAiErrors = (): MethodDecorator & ClassDecorator => SetMetadata(OPENAI_ERRORS, true);
