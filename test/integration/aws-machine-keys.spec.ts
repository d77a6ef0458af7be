import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineKeys } from '../../src/engine/upstream/credential/aws/machine-keys.js';
import { awsSettings } from '../../src/platform/config/aws-settings.js';
import { SettingsReader } from '../../src/platform/config/settings-reader.js';
import { HttpClient } from '../../src/platform/http/http-client.js';
import { startSts } from '../e2e/sigv4/aws-fixture.js';
import { listen } from '../harness/listen.js';

const REGION = 'eu-west-1';
const ROLE = 'arn:aws:iam::123456789012:role/machine';

let folder: string;
let http: HttpClient;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-aws-'));
  http = new HttpClient({ connectTimeoutMs: 2_000 });
});

afterEach(async () => {
  await http.close();
  await rm(folder, { recursive: true });
});

/** The keys that this environment leads to, as plain values. */
async function found(environment: Record<string, string>) {
  const env = {
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_EC2_METADATA_DISABLED: 'true',
    ...environment,
  };
  const settings = awsSettings(new SettingsReader(env), folder);
  const keys = await machineKeys({
    http,
    settings,
    region: REGION,
    endpoint: settings.stsEndpoint,
    sessionName: 'gatehouse',
  });
  return {
    id: keys.accessKeyId,
    secret: keys.secretAccessKey.reveal(),
    token: keys.sessionToken?.reveal(),
    expires: keys.expiresAt,
  };
}

/** A metadata service that answers by path, and what it was asked. */
async function metadata(answers: Readonly<Record<string, string>>, check: (request: IncomingMessage) => boolean) {
  const asked: string[] = [];
  const server = await listen(
    createServer((request, response) => {
      const key = `${request.method} ${request.url}`;
      asked.push(key);
      const answer = check(request) ? answers[key] : undefined;
      response.writeHead(answer === undefined ? 401 : 200).end(answer);
    }),
  );
  return { ...server, asked };
}

const JSON_KEYS = JSON.stringify({
  Code: 'Success',
  AccessKeyId: 'ASIAMETA',
  SecretAccessKey: 'meta-secret',
  Token: 'meta-token',
  Expiration: '2099-01-01T00:00:00Z',
});
const META = { id: 'ASIAMETA', secret: 'meta-secret', token: 'meta-token', expires: Date.parse('2099-01-01') };

test('variables come first', async () => {
  await writeFile(join(folder, 'credentials'), '[default]\naws_access_key_id = F\naws_secret_access_key = f\n');
  const env = { AWS_ACCESS_KEY_ID: 'E', AWS_SECRET_ACCESS_KEY: 'e', AWS_SESSION_TOKEN: 't' };
  expect(await found(env)).toEqual({ id: 'E', secret: 'e', token: 't', expires: undefined });
});

test('the profile of the shared files, by its name or the default one', async () => {
  await writeFile(
    join(folder, 'credentials'),
    '[default]\naws_access_key_id = D\naws_secret_access_key = d\n[work]\naws_access_key_id = W\naws_secret_access_key = w\n',
  );
  expect(await found({})).toMatchObject({ id: 'D', secret: 'd' });
  expect(await found({ AWS_PROFILE: 'work' })).toMatchObject({ id: 'W', secret: 'w' });
  await expect(found({ AWS_PROFILE: 'play' })).rejects.toThrow('in neither of the shared files');
});

test('a profile with a role takes it on with the keys of its source profile', async () => {
  await writeFile(join(folder, 'credentials'), '[base]\naws_access_key_id = B\naws_secret_access_key = b\n');
  await writeFile(
    join(folder, 'config'),
    `[profile ops]\nrole_arn = ${ROLE}\nsource_profile = base\nrole_session_name = nightly\nregion = eu-west-1\n`,
  );
  const sts = await startSts(new Map([['B', { secret: 'b' }]]), REGION, () => 3_600);
  expect(await found({ AWS_PROFILE: 'ops', AWS_ENDPOINT_URL_STS: sts.origin })).toMatchObject({
    id: 'ASIA1',
    secret: 'assumed<secret>&1',
    token: 'session+token/1==',
  });
  expect(sts.assumed).toEqual([
    expect.objectContaining({ action: 'AssumeRole', roleArn: ROLE, sessionName: 'nightly', signedBy: 'B' }),
  ]);
  await sts.close();
});

test.each([
  ['[profile a]\nrole_arn = x\nsource_profile = b\n[profile b]\nrole_arn = y\nsource_profile = a', 'leads nowhere'],
  ['[profile a]\nrole_arn = x', 'no source of keys'],
  ['[profile a]\ncredential_process = /bin/keys', 'credential_process'],
  ['[profile a]\nsso_session = corp', 'sso_session'],
])('a profile that cannot give keys says why: %j', async (config, reason) => {
  await writeFile(join(folder, 'config'), config);
  await expect(found({ AWS_PROFILE: 'a' })).rejects.toThrow(reason);
});

test('web identity: the token of a Kubernetes service account is exchanged, unsigned', async () => {
  await writeFile(join(folder, 'token'), 'the.service.account\n');
  const sts = await startSts(new Map(), REGION, () => 3_600);
  const env = {
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
    AWS_ROLE_ARN: ROLE,
    AWS_ENDPOINT_URL_STS: sts.origin,
  };
  expect(await found(env)).toMatchObject({ id: 'ASIA1', token: 'session+token/1==' });
  expect(sts.assumed).toEqual([
    {
      action: 'AssumeRoleWithWebIdentity',
      roleArn: ROLE,
      sessionName: 'gatehouse',
      signedBy: undefined,
      webIdentityToken: 'the.service.account',
    },
  ]);
  await sts.close();
});

test('the container: its URL with the token of the file', async () => {
  await writeFile(join(folder, 'token'), 'pod-token\n');
  const service = await metadata(
    { 'GET /v1/credentials': JSON_KEYS },
    ({ headers }) => headers.authorization === 'pod-token',
  );
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.origin}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(folder, 'token'),
  };
  expect(await found(env)).toEqual(META);
  await writeFile(join(folder, 'token'), 'another');
  await expect(found(env)).rejects.toThrow('answered with status 401');
  await service.close();
});

test('the container: over plain http no other machine is asked', async () => {
  await expect(found({ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://10.0.0.1/keys' })).rejects.toThrow(
    'does not answer',
  );
});

test('the instance: IMDSv2, with a session token', async () => {
  const roles = '/latest/meta-data/iam/security-credentials/';
  const service = await metadata(
    { 'PUT /latest/api/token': 'imds', [`GET ${roles}`]: 'mcp-role\n', [`GET ${roles}mcp-role`]: JSON_KEYS },
    ({ method, headers }) =>
      method === 'PUT'
        ? headers['x-aws-ec2-metadata-token-ttl-seconds'] === '21600'
        : headers['x-aws-ec2-metadata-token'] === 'imds',
  );
  const env = { AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: service.origin };
  expect(await found(env)).toEqual(META);
  expect(service.asked).toHaveLength(3);
  await service.close();
});

test('nothing anywhere is said as such', async () => {
  await expect(found({})).rejects.toThrow('no AWS credentials were found');
});
