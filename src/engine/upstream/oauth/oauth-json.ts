import { isRecord } from '../../../core/definition/field-checks.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { requestText, type TextResponse } from '../../../platform/http/request-text.js';
import type { JudgedAddress } from './learnt-address.js';

export type JsonRecord = Readonly<Record<string, unknown>>;

const DOCUMENT_BYTES_MAX = 256 * 1024;
/** Reference §5.2: per document. */
const TIMEOUT_MS = 10_000;

/**
 * A metadata document. Undefined when there is none: another status than 200, or something that is no JSON object.
 * Rejects with `HttpFailure` when the address cannot be reached or may not be dialled.
 */
export async function fetchDocument(client: HttpClient, address: JudgedAddress): Promise<JsonRecord | undefined> {
  const { status, text } = await requestText(client, {
    ...address,
    method: 'GET',
    headers: ['accept', 'application/json'],
    redirects: address.policy === 'third-party' ? 'follow' : 'same-origin',
    bytesMax: DOCUMENT_BYTES_MAX,
    timeoutMs: TIMEOUT_MS,
  });
  return status === 200 ? parseObject(text) : undefined;
}

/** A form or a JSON document sent to an endpoint. No redirect is followed: what is sent holds secrets. */
export function postForAnswer(
  client: HttpClient,
  address: JudgedAddress,
  body: URLSearchParams | JsonRecord,
  headers: readonly string[] = [],
): Promise<TextResponse> {
  const isForm = body instanceof URLSearchParams;
  return requestText(client, {
    ...address,
    method: 'POST',
    headers: [
      'accept',
      'application/json',
      'content-type',
      isForm ? 'application/x-www-form-urlencoded' : 'application/json',
      ...headers,
    ],
    body: isForm ? body.toString() : JSON.stringify(body),
    redirects: 'none',
    bytesMax: DOCUMENT_BYTES_MAX,
    timeoutMs: TIMEOUT_MS,
  });
}

/** A JSON object; undefined for anything else. */
export function parseObject(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // Whatever it is, it is not the document that was asked for.
    return undefined;
  }
}

/** A member that is a non-empty string. */
export function textOf(record: JsonRecord, name: string): string | undefined {
  const value = record[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A member that is a list of strings; what else is in it is left out. */
export function textsOf(record: JsonRecord, name: string): readonly string[] | undefined {
  const value = record[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;
}
