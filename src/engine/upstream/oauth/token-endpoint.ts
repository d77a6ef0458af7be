import type { HttpClient } from '../../../platform/http/http-client.js';
import type { TextResponse } from '../../../platform/http/request-text.js';
import { authenticateClient, type ClientIdentity } from './client-authentication.js';
import type { JudgedAddress } from './learnt-address.js';
import { parseObject, postForAnswer, textOf, type JsonRecord } from './oauth-json.js';

/** What a token endpoint gives (RFC 6749 §5.1). */
export interface TokenReply {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Seconds from now; undefined: not said. */
  readonly expiresIn: number | undefined;
  readonly scope: string | undefined;
  /** `issued_token_type` of an exchange (RFC 8693 §2.2.1). */
  readonly issuedTokenType: string | undefined;
}

/** The endpoint said no in the words of RFC 6749 §5.2. Fit for callers: holds nothing of ours. */
export class TokenRefusal extends Error {
  constructor(
    /** E.g. `invalid_grant`. */
    readonly error: string,
    readonly description: string | undefined,
    readonly status: number,
  ) {
    super(description === undefined ? error : `${error}: ${description}`);
    this.name = 'TokenRefusal';
  }
}

/** The endpoint answered with something that is neither tokens nor a refusal. */
export class BadTokenReply extends Error {
  constructor(readonly status: number) {
    super(`the token endpoint answered with status ${status} and no token`);
    this.name = 'BadTokenReply';
  }
}

/** Whom a token is asked of. */
export interface TokenEndpoint {
  readonly address: JudgedAddress;
  /** `aud` of client assertions. */
  readonly audience: string;
}

const ERROR = /^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,100}$/;
const DESCRIPTION_CHARS_MAX = 300;

/**
 * Asks for tokens. `form` holds the grant; the client's own authentication is added here.
 *
 * @throws TokenRefusal, BadTokenReply, HttpFailure.
 */
export async function requestTokens(
  http: HttpClient,
  endpoint: TokenEndpoint,
  client: ClientIdentity,
  form: URLSearchParams,
): Promise<TokenReply> {
  const sent = new URLSearchParams(form);
  const headers = await authenticateClient(client, sent, endpoint.audience);
  return readReply(await postForAnswer(http, endpoint.address, sent, headers));
}

/** An answer of an OAuth endpoint that is a refusal, as far as it can be read as one. */
export function readRefusal({ status, text }: TextResponse): TokenRefusal | undefined {
  const record = parseObject(text) ?? Object.fromEntries(new URLSearchParams(text));
  const error = textOf(record, 'error');
  if (error === undefined || !ERROR.test(error)) return undefined;
  return new TokenRefusal(error, textOf(record, 'error_description')?.slice(0, DESCRIPTION_CHARS_MAX), status);
}

function readReply(response: TextResponse): TokenReply {
  // Some services refuse with status 200, and some answer in form encoding whatever Accept says.
  const refusal = readRefusal(response);
  if (refusal !== undefined) throw refusal;
  const record = parseObject(response.text) ?? Object.fromEntries(new URLSearchParams(response.text));
  const accessToken = textOf(record, 'access_token');
  if (response.status < 200 || response.status > 299 || accessToken === undefined || !isBearer(record)) {
    throw new BadTokenReply(response.status);
  }
  return {
    accessToken,
    refreshToken: textOf(record, 'refresh_token'),
    expiresIn: seconds(record['expires_in']),
    scope: textOf(record, 'scope'),
    issuedTokenType: textOf(record, 'issued_token_type'),
  };
}

/** A token that needs proof of possession is not one we could send. */
function isBearer(record: JsonRecord): boolean {
  return !['dpop', 'pop', 'mac'].includes(textOf(record, 'token_type')?.toLowerCase() ?? '');
}

function seconds(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined;
}
