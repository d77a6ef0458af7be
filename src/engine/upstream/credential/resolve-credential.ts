import { createHash } from 'node:crypto';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ClientOffer } from '../../../core/model/client-offer.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { isHeaderValue, isSettableHeader } from '../../../core/definition/settable-header.js';
import { parseHttpTarget } from '../../../platform/http/http-target.js';
import type { ResolvedCredential } from '../upstream.js';
import { CREDENTIAL_FORMATS } from './credential-formats.js';
import { lacksCredential, takesAdditions } from './credential-sources.js';

/** `${X-NAME}`, the whole value, upper-case `X-` (reference Appendix A, "stdio env"). */
const TEMPLATE = /^\$\{(X-[^}]+)\}$/;

/**
 * Headers that are a credential of their own, besides the one the server wants its in: when the client offers this server one of them, ours is not sent beside it.
 * `extra_headers` are not meant: an operator who names `Authorization` there wants it beside the server's own key.
 */
const CREDENTIAL_HEADERS = ['authorization', 'x-api-key'] as const;

/** What an entry's definition says, taken apart once. */
interface Plan {
  /** For callers that contribute nothing. */
  readonly own: ResolvedCredential;
  /** One header, or none. */
  readonly ownCredential: readonly (readonly [name: string, value: string])[];
  readonly staticHeaders: Readonly<Record<string, string>>;
  /** Lower-cased, settable. */
  readonly extraHeaders: readonly string[];
  /** Variable to the lower-cased client header that fills it. */
  readonly templates: readonly (readonly [variable: string, header: string])[];
  readonly isStdio: boolean;
  /** The credential is not in the definition: a token to be fetched, a key of each user. */
  readonly lacksCredential: boolean;
  /** Values of each user go along, whoever brings the credential. */
  readonly lacksVariables: boolean;
}

const plans = new WeakMap<ServerEntry, Plan>();

/**
 * What is sent to a server on behalf of a caller. Headers, later ones win (reference §1.2): the server's own credential;
 * in its place what the client offers to all servers, written as the server's `auth_type` says; the client's headers for
 * this very server; `extra_headers` copied from the client; `static_headers`. A stdio server gets its environment with
 * `${X-NAME}` values filled from the client's headers; a variable whose header is missing is left out.
 *
 * What is not in the definition is only said to be lacking (`lacks`): `CredentialSources` brings it, and nothing is sent
 * without. Pure. Allocates nothing for a caller that contributes nothing. Throws `rpc/invalid_request` when a value of the client
 * cannot stand in a header, `config/invalid` when one of ours cannot.
 */
export function resolveCredential(entry: ServerEntry, offer: ClientOffer): ResolvedCredential {
  let plan = plans.get(entry);
  if (plan === undefined) {
    plan = makePlan(entry);
    plans.set(entry, plan);
  }
  return plan.isStdio ? fillEnvironment(entry, plan, offer) : mergeHeaders(entry, plan, offer);
}

function mergeHeaders(entry: ServerEntry, plan: Plan, offer: ClientOffer): ResolvedCredential {
  const forServer = offer.perServer.get(entry.id);
  if (forServer === undefined && offer.shared === undefined && !hasAny(offer, plan.extraHeaders)) return plan.own;

  const sent: Record<string, string> = {};
  for (const name in forServer) contribute(sent, name.toLowerCase(), forServer[name]);
  // Two credentials for one call would be read as the server pleases: the nearest one is meant.
  if (offer.shared !== undefined && !bringsCredential(entry, sent)) {
    const header = CREDENTIAL_FORMATS[entry.auth.type](offer.shared);
    if (header !== undefined) contribute(sent, entry.tokenHeader, header[1]);
  }
  const brought = bringsCredential(entry, sent);
  const own = brought ? [] : plan.ownCredential;

  for (const name of plan.extraHeaders) contribute(sent, name, single(offer.headers[name]));
  return {
    headers: { ...Object.fromEntries(own), ...sent, ...plan.staticHeaders },
    env: plan.own.env,
    identity: identityOf(sent, plan.staticHeaders),
    lacks: lacking(plan, brought),
  };
}

function bringsCredential({ tokenHeader }: ServerEntry, headers: Readonly<Record<string, string>>): boolean {
  return headers[tokenHeader] !== undefined || CREDENTIAL_HEADERS.some((name) => headers[name] !== undefined);
}

function lacking(
  plan: Pick<Plan, 'lacksCredential' | 'lacksVariables'>,
  brought: boolean,
): ResolvedCredential['lacks'] {
  if (plan.lacksCredential && !brought) return 'credential';
  return plan.lacksVariables ? 'variables' : undefined;
}

function fillEnvironment(entry: ServerEntry, plan: Plan, offer: ClientOffer): ResolvedCredential {
  const filled: Record<string, string> = {};
  let isFilled = false;
  for (const [variable, header] of plan.templates) {
    const value = single(offer.headers[header]);
    if (value === undefined) continue;
    if (value.includes('\0')) throw badClientHeader(header);
    filled[variable] = value;
    isFilled = true;
  }
  if (!isFilled) return plan.own;
  // In the order of the definition, so that equal environments are equal texts.
  const env: Record<string, string> = {};
  if (entry.endpoint.kind === 'stdio') {
    for (const name of Object.keys(entry.endpoint.env)) {
      const value = filled[name] ?? plan.own.env[name];
      if (value !== undefined) env[name] = value;
    }
  }
  return { headers: {}, env, identity: identityOf(filled, {}), lacks: lacking(plan, false) };
}

function makePlan(entry: ServerEntry): Plan {
  const staticHeaders: Record<string, string> = {};
  for (const [name, value] of entry.staticHeaders) {
    const lower = name.toLowerCase();
    if (isSettableHeader(lower)) staticHeaders[lower] = ownValue(entry, `static header ${name}`, value.reveal());
  }
  const formatted = formatOwn(entry);
  const ownCredential = formatted === undefined ? [] : [formatted];
  const env: Record<string, string> = {};
  const templates: (readonly [string, string])[] = [];
  if (entry.endpoint.kind === 'stdio') {
    for (const [name, secret] of Object.entries(entry.endpoint.env)) {
      const header = TEMPLATE.exec(secret.reveal())?.[1];
      if (header === undefined) env[name] = secret.reveal();
      else templates.push([name, header.toLowerCase()]);
    }
  }
  const isStdio = entry.endpoint.kind === 'stdio';
  const lacks = { lacksCredential: lacksCredential(entry), lacksVariables: takesAdditions(entry) };
  return {
    ...lacks,
    own: {
      headers: isStdio ? {} : { ...Object.fromEntries(ownCredential), ...staticHeaders },
      env,
      identity: 'shared',
      lacks: lacking(lacks, false),
    },
    ownCredential,
    staticHeaders,
    extraHeaders: entry.extraHeaders.map((name) => name.toLowerCase()).filter(isSettableHeader),
    templates,
    isStdio,
  };
}

function formatOwn(entry: ServerEntry): readonly [string, string] | undefined {
  const { auth, endpoint } = entry;
  if ('value' in auth && auth.value !== undefined && !entry.byok) {
    const header = CREDENTIAL_FORMATS[auth.type](auth.value.reveal().trim());
    return header === undefined ? undefined : [entry.tokenHeader, ownValue(entry, 'credential', header[1])];
  }
  // `https://user:password@host/`: what every HTTP library makes of it.
  const userinfo = endpoint.kind === 'http' ? parseHttpTarget(endpoint.url)?.userinfo : undefined;
  return userinfo === undefined ? undefined : ['authorization', `Basic ${Buffer.from(userinfo).toString('base64')}`];
}

/** Values from files and variables often end in a line feed. */
function ownValue(entry: ServerEntry, what: string, value: string): string {
  const trimmed = value.trim();
  if (isHeaderValue(trimmed)) return trimmed;
  throw new GatewayError('config/invalid', {
    detail: `${entry.name}: ${what} holds characters that cannot be sent in a header`,
    data: { server: entry.name, reason: 'its configured credential cannot be sent', retryable: false },
  });
}

function contribute(headers: Record<string, string>, name: string, value: string | undefined): void {
  if (value === undefined || !isSettableHeader(name)) return;
  if (!isHeaderValue(value)) throw badClientHeader(name);
  headers[name] = value;
}

function badClientHeader(name: string): GatewayError {
  return new GatewayError('rpc/invalid_request', { detail: `the value of ${name} cannot be passed on to a server` });
}

function hasAny(offer: ClientOffer, names: readonly string[]): boolean {
  for (const name of names) if (offer.headers[name] !== undefined) return true;
  return false;
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : value.join(', ');
}

/** `shared` when nothing that came from the client is sent; `overriding` headers are sent in place of the client's. */
function identityOf(
  contributed: Readonly<Record<string, string>>,
  overriding: Readonly<Record<string, string>>,
): string {
  const pairs = Object.entries(contributed).filter(([name]) => overriding[name] === undefined);
  if (pairs.length === 0) return 'shared';
  pairs.sort(([left], [right]) => (left < right ? -1 : 1));
  return `client:${createHash('sha256').update(JSON.stringify(pairs)).digest('base64url')}`;
}
