import { readFile } from 'node:fs/promises';
import type { AwsSettings } from '../../../../platform/config/aws-settings.js';
import type { HttpClient } from '../../../../platform/http/http-client.js';
import { requestText, type TextResponse } from '../../../../platform/http/request-text.js';
import { AwsKeysError, type AwsKeys } from './aws-keys.js';
import { readMetadataKeys } from './read-keys.js';

const CONTAINER_URL = 'http://169.254.170.2';
const CONTAINER_TIMEOUT_MS = 5_000;
/** Where there is no such service, nobody answers at all. */
const INSTANCE_TIMEOUT_MS = 1_000;
const TOKEN_TTL_SECONDS = 21_600;
const ROLES_PATH = '/latest/meta-data/iam/security-credentials/';
const ANSWER_BYTES_MAX = 64 * 1024;

/** Keys of the container's role: ECS names a path, EKS pod identity a URL and a token. Undefined: no container says so. */
export async function containerKeys(http: HttpClient, settings: AwsSettings): Promise<AwsKeys | undefined> {
  const { containerRelativeUri, containerFullUri } = settings;
  const url = containerRelativeUri === undefined ? containerFullUri : `${CONTAINER_URL}${containerRelativeUri}`;
  if (url === undefined) return undefined;
  const token = await containerToken(settings);
  const answer = await ask(http, url, 'GET', token === undefined ? [] : ['authorization', token], CONTAINER_TIMEOUT_MS);
  if (answer?.status !== 200) {
    const what = answer === undefined ? 'does not answer' : `answered with status ${answer.status}`;
    throw new AwsKeysError(`the container's credential service ${what}`);
  }
  return readMetadataKeys(answer.text, "the container's credential service");
}

/** Keys of the machine's role, by IMDSv2. Undefined: there is no such service, or it knows of no role. */
export async function instanceKeys(
  http: HttpClient,
  { instanceMetadataUrl }: AwsSettings,
): Promise<AwsKeys | undefined> {
  if (instanceMetadataUrl === undefined) return undefined;
  const ttl = ['x-aws-ec2-metadata-token-ttl-seconds', String(TOKEN_TTL_SECONDS)];
  const token = await ask(http, `${instanceMetadataUrl}/latest/api/token`, 'PUT', ttl, INSTANCE_TIMEOUT_MS);
  if (token?.status !== 200) return undefined;
  const headers = ['x-aws-ec2-metadata-token', token.text.trim()];
  const roles = await ask(http, `${instanceMetadataUrl}${ROLES_PATH}`, 'GET', headers, INSTANCE_TIMEOUT_MS);
  const [role = ''] = roles?.status === 200 ? roles.text.trim().split('\n') : [];
  if (role === '') return undefined;
  const url = `${instanceMetadataUrl}${ROLES_PATH}${encodeURIComponent(role.trim())}`;
  const answer = await ask(http, url, 'GET', headers, INSTANCE_TIMEOUT_MS);
  return answer?.status === 200 ? readMetadataKeys(answer.text, "the instance's metadata service") : undefined;
}

/** The token's file is read each time: it is replaced while we run. */
async function containerToken({ containerToken: token, containerTokenFile }: AwsSettings): Promise<string | undefined> {
  if (containerTokenFile === undefined) return token?.reveal();
  try {
    return (await readFile(containerTokenFile, 'utf8')).trim();
  } catch (error) {
    throw new AwsKeysError("the container's authorization token file cannot be read", { cause: error });
  }
}

/** Undefined: no answer. Plain http leads to the machine's own services only; https, with its certificate, anywhere. */
async function ask(
  http: HttpClient,
  url: string,
  method: 'GET' | 'PUT',
  headers: readonly string[],
  timeoutMs: number,
): Promise<TextResponse | undefined> {
  try {
    return await requestText(http, {
      url,
      method,
      headers: ['accept', '*/*', ...headers],
      policy: url.startsWith('https:') ? 'registered' : 'machine-credentials',
      redirects: 'none',
      bytesMax: ANSWER_BYTES_MAX,
      timeoutMs,
    });
  } catch {
    // Not there, or not to be reached: the caller says which of both matters.
    return undefined;
  }
}
