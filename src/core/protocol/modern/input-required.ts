import { findMember, scanObject } from '../json-scan.js';
import type { RequestParams } from '../request-params.js';
import { META } from './meta-keys.js';

/** A request of a server that the client is to fulfil before it asks again. */
export interface InputRequest {
  readonly key: string;
  readonly method: string;
  /** Raw; undefined where the request had none. */
  readonly params: string | undefined;
}

/** The result that asks for input (2026-07-28, "Multi Round-Trip Requests"). */
export function inputRequiredResult(
  requests: readonly InputRequest[],
  requestState: string,
  serverInfo: string,
): string {
  return (
    `{"resultType":"input_required","inputRequests":${inputRequestsText(requests)},` +
    `"requestState":${JSON.stringify(requestState)},"_meta":{${JSON.stringify(META.serverInfo)}:${serverInfo}}}`
  );
}

/** The raw `inputRequests` object. */
export function inputRequestsText(requests: readonly InputRequest[]): string {
  const inputs = requests.map(({ key, method, params }) => {
    const body = params === undefined ? '' : `,"params":${params}`;
    return `${JSON.stringify(key)}:{"method":${JSON.stringify(method)}${body}}`;
  });
  return `{${inputs.join(',')}}`;
}

/** What a client brought to a further round. */
export interface RoundInput {
  readonly requestState: string | undefined;
  /** Raw results by key; only those that are objects. */
  readonly responses: ReadonlyMap<string, string>;
}

/** Reads `inputResponses` and `requestState`; what has the wrong type is as if it were not there. */
export function readRoundInput(params: RequestParams): RoundInput | { readonly problem: string } {
  const { requestState, inputResponses } = params.value;
  if (requestState !== undefined && typeof requestState !== 'string') {
    return { problem: 'params.requestState must be a string' };
  }
  const responses = new Map<string, string>();
  if (inputResponses === undefined) return { requestState, responses };
  const span = findMember(params.members, 'inputResponses');
  if (span === undefined || params.text.charCodeAt(span.start) !== 0x7b) {
    return { problem: 'params.inputResponses must be an object' };
  }
  for (const { key, start, end } of scanObject(params.text, span.start)) {
    if (params.text.charCodeAt(start) === 0x7b) responses.set(key, params.text.slice(start, end));
  }
  return { requestState, responses };
}

/** Capability each request needs (protocol page §1.2), and its mode within; undefined for what no client is asked. */
export function neededCapability(method: string, params: unknown): Readonly<Record<string, object>> | undefined {
  switch (method) {
    case 'sampling/createMessage': {
      const { tools, toolChoice } = (params ?? {}) as { tools?: unknown; toolChoice?: unknown };
      return tools === undefined && toolChoice === undefined ? { sampling: {} } : { sampling: { tools: {} } };
    }
    case 'elicitation/create':
      return (params as { mode?: unknown } | undefined)?.mode === 'url'
        ? { elicitation: { url: {} } }
        : { elicitation: {} };
    case 'roots/list':
      return { roots: {} };
    default:
      return undefined;
  }
}

/** Whether a client declared what is needed, to the depth of the need. An elicitation without modes is by form. */
export function declares(
  capabilities: Readonly<Record<string, unknown>>,
  needed: Readonly<Record<string, object>>,
): boolean {
  return Object.entries(needed).every(([name, parts]) => {
    const declared = capabilities[name];
    if (typeof declared !== 'object' || declared === null) return false;
    if (name === 'elicitation' && Object.keys(parts).length === 0) {
      return 'form' in declared || !('url' in declared);
    }
    return Object.keys(parts).every((part) => part in declared);
  });
}
