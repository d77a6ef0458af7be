import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { UserRequirementCode } from '../../../core/errors/user-requirement.js';
import type { OfferCaller } from '../../../core/model/client-offer.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';

export interface UserRequirement {
  /** What is missing, for people; ends where the way to bring it follows. */
  readonly reason: string;
  /** Where to bring it. */
  readonly url: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Nothing was sent to this server, because its user must bring something first. */
export function requirement(
  code: UserRequirementCode,
  entry: ServerEntry,
  { reason, url, more }: UserRequirement,
): GatewayError {
  return new GatewayError(code, {
    detail: `${entry.name}: ${reason}`,
    data: { server: entry.name, reason, url, ...more, retryable: false },
  });
}

/** The page of a server for its users, where the caller knows the gateway. */
export function connectLink({ name }: ServerEntry, caller: OfferCaller | undefined): string {
  return `${caller?.baseUrl ?? ''}/connect/${encodeURIComponent(name)}`;
}
