import type { Request } from 'express';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';

/** What is known about the sender of one control-plane request. */
interface RequestIdentity {
  principal?: Principal;
  /** Nobody could say who it is: the credential was not judged. */
  failure?: unknown;
  /** The route that matched needs no credential. */
  publicRoute?: true;
  /** The route tells its errors in the OpenAI shape. */
  openAiErrors?: true;
}

const identities = new WeakMap<Request, RequestIdentity>();

function identityOf(request: Request): RequestIdentity {
  const known = identities.get(request);
  if (known !== undefined) return known;
  const identity: RequestIdentity = {};
  identities.set(request, identity);
  return identity;
}

export function rememberPrincipal(request: Request, principal: Principal): void {
  identityOf(request).principal = principal;
}

export function rememberFailure(request: Request, failure: unknown): void {
  identityOf(request).failure = failure;
}

export function markPublic(request: Request): void {
  identityOf(request).publicRoute = true;
}

export function markOpenAiErrors(request: Request): void {
  identityOf(request).openAiErrors = true;
}

/** Whether errors of this request are told in the OpenAI shape. */
export function wantsOpenAiErrors(request: Request): boolean {
  return identityOf(request).openAiErrors === true;
}

/** Who sent it; undefined when nobody identified themselves (on public routes). */
export function principalOf(request: Request): Principal | undefined {
  return identityOf(request).principal;
}

/** Why this sender may learn nothing but that a credential is needed; undefined when they may. */
export function refusalOf(request: Request): Error | undefined {
  const { principal, failure, publicRoute } = identityOf(request);
  if (principal !== undefined || publicRoute === true) return undefined;
  if (failure === undefined) return new GatewayError('auth/required');
  return failure instanceof Error ? failure : new GatewayError('internal/bug', { cause: failure });
}
