import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { httpUrl } from '../../core/definition/field-checks.js';
import { Secret } from '../../core/model/secret.js';
import type { SettingsReader } from './settings-reader.js';

/**
 * Where AWS credentials of the machine itself may be, as the environment of AWS tools says it; read when a server with
 * `auth_type: aws_sigv4` has no keys of its own.
 */
export interface AwsSettings {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: Secret | undefined;
  readonly sessionToken: Secret | undefined;
  readonly profile: string | undefined;
  readonly credentialsFile: string;
  readonly configFile: string;
  readonly webIdentityTokenFile: string | undefined;
  readonly roleArn: string | undefined;
  readonly roleSessionName: string | undefined;
  /** Of the container: ECS names a path, EKS pod identity a URL. */
  readonly containerRelativeUri: string | undefined;
  readonly containerFullUri: string | undefined;
  readonly containerToken: Secret | undefined;
  readonly containerTokenFile: string | undefined;
  /** Undefined: the machine's metadata service is not asked. */
  readonly instanceMetadataUrl: string | undefined;
  /** In place of the region's STS. */
  readonly stsEndpoint: string | undefined;
}

const INSTANCE_METADATA_URL = 'http://169.254.169.254';

/** The variables of AWS that the gateway knows; empty ones count as not given. */
export function awsSettings(reader: SettingsReader, workingDirectory: string): AwsSettings {
  const secret = (value: string | undefined): Secret | undefined =>
    value === undefined ? undefined : new Secret(value);
  const path = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : resolve(workingDirectory, value.replace(/^~(?=\/)/, homedir()));
  const isDisabled = reader.text('AWS_EC2_METADATA_DISABLED')?.toLowerCase() === 'true';
  return {
    accessKeyId: reader.text('AWS_ACCESS_KEY_ID'),
    secretAccessKey: secret(reader.text('AWS_SECRET_ACCESS_KEY')),
    sessionToken: secret(reader.text('AWS_SESSION_TOKEN')),
    profile: reader.text('AWS_PROFILE'),
    credentialsFile: path(reader.text('AWS_SHARED_CREDENTIALS_FILE')) ?? join(homedir(), '.aws', 'credentials'),
    configFile: path(reader.text('AWS_CONFIG_FILE')) ?? join(homedir(), '.aws', 'config'),
    webIdentityTokenFile: path(reader.text('AWS_WEB_IDENTITY_TOKEN_FILE')),
    roleArn: reader.text('AWS_ROLE_ARN'),
    roleSessionName: reader.text('AWS_ROLE_SESSION_NAME'),
    containerRelativeUri: reader.text('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'),
    containerFullUri: reader.checked('AWS_CONTAINER_CREDENTIALS_FULL_URI', httpUrl),
    containerToken: secret(reader.text('AWS_CONTAINER_AUTHORIZATION_TOKEN')),
    containerTokenFile: path(reader.text('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')),
    instanceMetadataUrl: isDisabled
      ? undefined
      : (reader.checked('AWS_EC2_METADATA_SERVICE_ENDPOINT', httpUrl)?.replace(/\/+$/, '') ?? INSTANCE_METADATA_URL),
    stsEndpoint: reader.checked('AWS_ENDPOINT_URL_STS', httpUrl),
  };
}
