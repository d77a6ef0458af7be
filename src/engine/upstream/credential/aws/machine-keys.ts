import { readFile } from 'node:fs/promises';
import { Secret } from '../../../../core/model/secret.js';
import type { AwsSettings } from '../../../../platform/config/aws-settings.js';
import { errorCode } from '../../../../platform/config/error-code.js';
import { AwsKeysError, type AwsKeys } from './aws-keys.js';
import { containerKeys, instanceKeys } from './metadata-keys.js';
import { assumeRole, assumeRoleWithWebIdentity, type StsOptions } from './security-token-service.js';
import { parseSharedFile, type SharedProfile } from './shared-profile.js';

/** Profiles that lean on each other: `source_profile`. */
const PROFILES_MAX = 5;
const FILE_BYTES_MAX = 1024 * 1024;

export interface MachineKeysOptions extends StsOptions {
  readonly settings: AwsSettings;
  readonly sessionName: string;
}

/**
 * The AWS credentials of the machine the gateway runs on, in the order of AWS's own tools: variables, web identity (EKS
 * service accounts), the profile of the shared files, the container (ECS, EKS pod identity), the instance (IMDSv2). Programs
 * (`credential_process`) are not run, sign-in sessions (`sso_*`) not opened: a profile with nothing else is an error.
 */
export async function machineKeys(options: MachineKeysOptions): Promise<AwsKeys> {
  const keys =
    environmentKeys(options.settings) ??
    (await webIdentityKeys(options)) ??
    (await profileKeys(options)) ??
    (await containerKeys(options.http, options.settings)) ??
    (await instanceKeys(options.http, options.settings));
  if (keys === undefined) {
    throw new AwsKeysError(
      'no AWS credentials were found: give the server aws_access_key_id and aws_secret_access_key, or the machine a role',
    );
  }
  return keys;
}

function environmentKeys({ accessKeyId, secretAccessKey, sessionToken }: AwsSettings): AwsKeys | undefined {
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt: undefined };
}

async function webIdentityKeys(options: MachineKeysOptions): Promise<AwsKeys | undefined> {
  const { webIdentityTokenFile, roleArn, roleSessionName } = options.settings;
  if (webIdentityTokenFile === undefined || roleArn === undefined) return undefined;
  const role = { roleArn, sessionName: roleSessionName ?? options.sessionName };
  return assumeRoleWithWebIdentity(role, await tokenIn(webIdentityTokenFile), options);
}

async function profileKeys(options: MachineKeysOptions): Promise<AwsKeys | undefined> {
  const { profile, credentialsFile, configFile } = options.settings;
  const [credentials, config] = await Promise.all([sharedFile(credentialsFile), sharedFile(configFile)]);
  const profiles = { of: (name: string) => merged(credentials, config, name) };
  const name = profile ?? 'default';
  if (profiles.of(name) === undefined) {
    if (profile === undefined) return undefined;
    throw new AwsKeysError('the profile that AWS_PROFILE names is in neither of the shared files');
  }
  return keysOfProfile(name, profiles, options, []);
}

interface Profiles {
  of(name: string): SharedProfile | undefined;
}

async function keysOfProfile(
  name: string,
  profiles: Profiles,
  options: MachineKeysOptions,
  above: readonly string[],
): Promise<AwsKeys | undefined> {
  const profile = profiles.of(name);
  if (profile === undefined || above.includes(name) || above.length >= PROFILES_MAX) {
    throw new AwsKeysError('the source_profile of an AWS profile leads nowhere');
  }
  const own = staticKeys(profile);
  const { role_arn: roleArn, source_profile: source, web_identity_token_file: tokenFile } = profile;
  // A profile that names itself as its source means its own keys.
  if (roleArn === undefined || (own !== undefined && above.length > 0)) return own ?? unsupported(profile);
  const role = {
    roleArn,
    sessionName: profile['role_session_name'] ?? options.sessionName,
    externalId: profile['external_id'],
  };
  if (tokenFile !== undefined) return assumeRoleWithWebIdentity(role, await tokenIn(tokenFile), options);
  const identity =
    source === undefined
      ? await namedSource(profile['credential_source'], options)
      : source === name
        ? own
        : await keysOfProfile(source, profiles, options, [...above, name]);
  if (identity === undefined) throw new AwsKeysError('the AWS profile has a role_arn, but no source of keys for it');
  return assumeRole(role, identity, options);
}

function namedSource(name: string | undefined, { http, settings }: MachineKeysOptions): Promise<AwsKeys | undefined> {
  switch (name) {
    case 'Environment':
      return Promise.resolve(environmentKeys(settings));
    case 'EcsContainer':
      return containerKeys(http, settings);
    case 'Ec2InstanceMetadata':
      return instanceKeys(http, settings);
    default:
      return Promise.resolve(undefined);
  }
}

function staticKeys(profile: SharedProfile): AwsKeys | undefined {
  const { aws_access_key_id: id, aws_secret_access_key: secret, aws_session_token: token } = profile;
  if (id === undefined || secret === undefined) return undefined;
  return {
    accessKeyId: id,
    secretAccessKey: new Secret(secret),
    sessionToken: token === undefined ? undefined : new Secret(token),
    expiresAt: undefined,
  };
}

/** A profile without keys may be about other things; one that wants a program or a sign-in is not passed over in silence. */
function unsupported(profile: SharedProfile): undefined {
  const found = ['credential_process', 'sso_session', 'sso_start_url', 'sso_account_id'].find((key) => key in profile);
  if (found !== undefined) throw new AwsKeysError(`the AWS profile uses ${found}, which the gateway does not do`);
  return undefined;
}

async function tokenIn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AwsKeysError('the web identity token file cannot be read', { cause: error });
  }
}

/** A file that is not there says nothing. */
async function sharedFile(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > FILE_BYTES_MAX) throw new AwsKeysError('a shared AWS file is too large');
    return text;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error instanceof AwsKeysError
      ? error
      : new AwsKeysError('a shared AWS file cannot be read', { cause: error });
  }
}

/** Both files together; keys of the credentials file win. */
function merged(credentials: string, config: string, name: string): SharedProfile | undefined {
  const [own, more] = [parseSharedFile(credentials, false).get(name), parseSharedFile(config, true).get(name)];
  return own === undefined && more === undefined ? undefined : { ...more, ...own };
}
