import { randomUUID } from 'node:crypto';
import { isRecord } from '../../core/definition/field-checks.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { isUserRequirement } from '../../core/errors/user-requirement.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { declares } from '../../core/protocol/modern/input-required.js';
import { MULTI_ROUND } from '../../core/protocol/modern/modern-methods.js';
import type { Answer } from './call.js';
import type { ServeRequest } from './dispatcher.js';
import type { PendingVisits } from './pending-visits.js';

/** 2025-11-25, "URL Mode Elicitation": the request cannot be carried out before these pages were visited. */
const URL_ELICITATION_REQUIRED = -32_042;
const OPENS_PAGES = { elicitation: { url: {} } };
/** How long a call waits whose client says that its user is at the page; then it is asked again. */
const WAIT_MS = 25_000;

/**
 * What a client that opens pages for its user is answered in place of an error that wants something of its user first: −32042
 * with the page in 2025-11-25; the same is an `input_required` with one elicitation once it is rendered for the modern era
 * (protocol page §4). Undefined: the error itself, which names the page too. So it is for a user who has said no to it already.
 */
export function pageToVisit(error: GatewayError, request: ServeRequest, visits: PendingVisits): Answer | undefined {
  if (!isUserRequirement(error) || !opensPages(request)) return undefined;
  const { url } = error.data ?? {};
  if (typeof url !== 'string' || !/^https?:\/\//.test(url)) return undefined;
  const method = String(request.message.value['method']);
  if (request.modern !== undefined && (!MULTI_ROUND.has(method) || actionOf(request) === 'refused')) return undefined;
  const elicitationId = randomUUID();
  const elicitation = { mode: 'url', elicitationId, url, message: error.publicMessage };
  const text = JSON.stringify({
    code: URL_ELICITATION_REQUIRED,
    message: error.publicMessage,
    data: { ...error.data, elicitations: [elicitation] },
  });
  const entry = serverOf(error, request);
  const { userId } = request.context.principal;
  if (request.modern === undefined && request.session !== undefined && entry !== undefined && userId !== undefined) {
    visits.tell(userId, entry, request.session, elicitationId);
  }
  return { kind: 'error', text, ...(entry === undefined ? {} : { serverId: entry.id, serverName: entry.name }) };
}

/**
 * True when it is worth making the call again: a modern client says that its user agreed to open the page, which is not to say
 * that they are done there, and by now they are.
 */
export async function wasVisited(thrown: unknown, request: ServeRequest, visits: PendingVisits): Promise<boolean> {
  if (!(thrown instanceof GatewayError) || !isUserRequirement(thrown)) return false;
  const { userId } = request.context.principal;
  const entry = serverOf(thrown, request);
  if (request.modern === undefined || userId === undefined || entry === undefined) return false;
  return actionOf(request) === 'accepted' && visits.arrival(userId, entry, WAIT_MS, request.control);
}

function opensPages({ client, session, modern, version }: ServeRequest): boolean {
  if (modern === undefined && version !== '2025-11-25') return false;
  const capabilities = client?.capabilities ?? session?.capabilities;
  return capabilities !== undefined && declares(capabilities.value, OPENS_PAGES);
}

function serverOf(error: GatewayError, { context }: ServeRequest): ServerEntry | undefined {
  return context.view.servers.find(({ entry }) => entry.name === error.data?.['server'])?.entry;
}

/** What the user said to the pages of the round before; undefined: there was none. */
function actionOf({ message: { value } }: ServeRequest): 'accepted' | 'refused' | undefined {
  const { params } = value;
  const responses = isRecord(params) ? params['inputResponses'] : undefined;
  const actions = isRecord(responses)
    ? Object.values(responses).map((response) => (isRecord(response) ? response['action'] : undefined))
    : [];
  if (actions.length === 0) return undefined;
  return actions.some((action) => action === 'decline' || action === 'cancel') ? 'refused' : 'accepted';
}
