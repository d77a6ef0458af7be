import { isRecord } from '../../../../core/definition/field-checks.js';
import { Secret } from '../../../../core/model/secret.js';
import { AwsKeysError, type AwsKeys } from './aws-keys.js';

/**
 * Keys as the metadata services of AWS write them: `AccessKeyId`, `SecretAccessKey`, `Token`, `Expiration`.
 *
 * @param source who answered, for the error.
 */
export function readMetadataKeys(text: string, source: string): AwsKeys {
  const answer = parse(text);
  const [id, secret] = [answer['AccessKeyId'], answer['SecretAccessKey']];
  if (typeof id !== 'string' || id === '' || typeof secret !== 'string' || secret === '') {
    throw new AwsKeysError(`${source} answered without AWS credentials`);
  }
  const token = answer['Token'];
  return {
    accessKeyId: id,
    secretAccessKey: new Secret(secret),
    sessionToken: typeof token === 'string' && token !== '' ? new Secret(token) : undefined,
    expiresAt: readTime(answer['Expiration']),
  };
}

/** Milliseconds since the epoch; undefined for anything that is no time. */
export function readTime(value: unknown): number | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    // Told by what is missing then.
    return {};
  }
}
