import { randomUUID } from 'node:crypto';
import { isRecord } from '../../core/definition/field-checks.js';
import type { GatewayError } from '../../core/errors/gateway-error.js';
import { isUserRequirement } from '../../core/errors/user-requirement.js';
import { declares } from '../../core/protocol/modern/input-required.js';
import { MULTI_ROUND } from '../../core/protocol/modern/modern-methods.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { Answer } from './call.js';
import type { ServeRequest } from './dispatcher.js';

/** 2025-11-25, "URL Mode Elicitation": the request cannot be carried out before these pages were visited. */
const URL_ELICITATION_REQUIRED = -32_042;
const OPENS_PAGES = { elicitation: { url: {} } };

/**
 * What a client that opens pages for its user is answered in place of an error that wants something of its user first: −32042 with the
 * page in 2025-11-25; the same is an `input_required` with one elicitation once it is rendered for the modern era (protocol
 * page §4). Undefined: the error itself, which names the page too. So it is for a user who has said no to it already.
 */
export function pageToVisit(error: GatewayError, request: ServeRequest): Answer | undefined {
  if (!isUserRequirement(error) || !opensPages(request)) return undefined;
  const { url, server } = error.data ?? {};
  if (typeof url !== 'string' || !/^https?:\/\//.test(url)) return undefined;
  const method = String(request.message.value['method']);
  if (request.modern !== undefined && (!MULTI_ROUND.has(method) || saidNo(request.message))) return undefined;
  const elicitation = { mode: 'url', elicitationId: randomUUID(), url, message: error.publicMessage };
  const text = JSON.stringify({
    code: URL_ELICITATION_REQUIRED,
    message: error.publicMessage,
    data: { ...error.data, elicitations: [elicitation] },
  });
  return { kind: 'error', text, ...(typeof server === 'string' ? { serverName: server } : {}) };
}

function opensPages({ client, session, modern, version }: ServeRequest): boolean {
  if (modern === undefined && version !== '2025-11-25') return false;
  const capabilities = client?.capabilities ?? session?.capabilities;
  return capabilities !== undefined && declares(capabilities.value, OPENS_PAGES);
}

function saidNo({ value }: RpcMessage): boolean {
  const { params } = value;
  const responses = isRecord(params) ? params['inputResponses'] : undefined;
  if (!isRecord(responses)) return false;
  return Object.values(responses).some(
    (response) => isRecord(response) && (response['action'] === 'decline' || response['action'] === 'cancel'),
  );
}
