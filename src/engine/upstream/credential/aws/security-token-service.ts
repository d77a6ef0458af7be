import { Secret } from '../../../../core/model/secret.js';
import type { HttpClient } from '../../../../platform/http/http-client.js';
import { requestText } from '../../../../platform/http/request-text.js';
import { AwsKeysError, type AwsKeys } from './aws-keys.js';
import { readTime } from './read-keys.js';
import { signRequest } from './sign-request.js';

const VERSION = '2011-06-15';
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 256 * 1024;
const CONTENT_TYPE = 'application/x-www-form-urlencoded; charset=utf-8';

export interface StsOptions {
  readonly http: HttpClient;
  readonly region: string;
  /** `AWS_ENDPOINT_URL_STS`; absent: the region's own endpoint. */
  readonly endpoint: string | undefined;
}

export interface RoleRequest {
  readonly roleArn: string;
  readonly sessionName: string;
  /** Confused-deputy guard of roles in other accounts. */
  readonly externalId?: string | undefined;
}

/** Takes on a role with keys of another identity (STS AssumeRole, signed). */
export function assumeRole(role: RoleRequest, source: AwsKeys, options: StsOptions): Promise<AwsKeys> {
  return ask({ Action: 'AssumeRole', ...common(role) }, source, options);
}

/** Takes on a role with a token of an identity provider, such as that of a Kubernetes service account. Not signed. */
export function assumeRoleWithWebIdentity(role: RoleRequest, token: string, options: StsOptions): Promise<AwsKeys> {
  return ask(
    { Action: 'AssumeRoleWithWebIdentity', ...common(role), WebIdentityToken: token.trim() },
    undefined,
    options,
  );
}

function common({ roleArn, sessionName, externalId }: RoleRequest): Record<string, string> {
  return {
    Version: VERSION,
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    ...(externalId === undefined ? {} : { ExternalId: externalId }),
  };
}

async function ask(
  parameters: Readonly<Record<string, string>>,
  signer: AwsKeys | undefined,
  { http, region, endpoint }: StsOptions,
): Promise<AwsKeys> {
  const url = new URL(endpoint ?? `https://sts.${region}.${suffixOf(region)}/`);
  const body = new URLSearchParams(parameters).toString();
  const request = {
    method: 'POST',
    host: url.host,
    path: `${url.pathname}${url.search}`,
    headers: { 'content-type': CONTENT_TYPE },
    body,
  } as const;
  const signature = signer === undefined ? {} : signRequest(request, signer, { region, service: 'sts' }, new Date());
  const headers = Object.entries({ ...request.headers, ...signature, accept: 'text/xml' }).flat();
  const action = String(parameters['Action']);
  let answer;
  try {
    answer = await requestText(http, {
      url: url.href,
      method: 'POST',
      headers,
      body,
      policy: 'registered',
      redirects: 'none',
      bytesMax: ANSWER_BYTES_MAX,
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    throw new AwsKeysError(`AWS STS cannot be reached for ${action}`, { cause: error });
  }
  if (answer.status !== 200) {
    const code = element(answer.text, 'Code') ?? `status ${answer.status}`;
    // The message names accounts and roles: for the log only.
    throw new AwsKeysError(`AWS STS refused ${action}: ${code.slice(0, 100)}`, {
      cause: new Error(element(answer.text, 'Message')?.slice(0, 1_000) ?? 'no message'),
    });
  }
  return readKeys(answer.text, action);
}

function readKeys(text: string, action: string): AwsKeys {
  const credentials = element(text, 'Credentials') ?? '';
  const [id, secret] = [element(credentials, 'AccessKeyId'), element(credentials, 'SecretAccessKey')];
  if (id === undefined || secret === undefined) {
    throw new AwsKeysError(`AWS STS answered ${action} without credentials`);
  }
  const token = element(credentials, 'SessionToken');
  return {
    accessKeyId: id,
    secretAccessKey: new Secret(secret),
    sessionToken: token === undefined ? undefined : new Secret(token),
    expiresAt: readTime(element(credentials, 'Expiration')),
  };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** The content of the first element of this name; STS writes no attributes, comments or CDATA in what is read here. */
function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  if (start < 0 || end < 0) return undefined;
  const content = xml.slice(start + name.length + 2, end);
  return content.trim().replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => ENTITIES[entity] ?? '');
}

/** The partition's domain: China has its own. */
function suffixOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}
