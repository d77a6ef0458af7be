import type { AwsSigV4Auth, ServerEntry } from '../../../core/model/server-entry.js';
import type { AwsSettings } from '../../../platform/config/aws-settings.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import type { OutgoingHop } from '../../../platform/http/http-exchange.js';
import { upstreamError } from '../upstream-error.js';
import { AwsKeysError, type AwsKeys } from './aws/aws-keys.js';
import { machineKeys } from './aws/machine-keys.js';
import { RefreshingKeys } from './aws/refreshing-keys.js';
import { assumeRole } from './aws/security-token-service.js';
import { hashOf, signRequest } from './aws/sign-request.js';
import type {
  CredentialHeaders,
  CredentialSource,
  CredentialStrategy,
  SourcedCredential,
} from './credential-source.js';

const SESSION_NAME = 'gatehouse';
/** Regions whose machine keys are kept apart; a handful exist for any one installation. */
const REGIONS_MAX = 100;

/**
 * `auth_type: aws_sigv4`: every request of a session is signed (reference §5.11). The keys are the server's own, or the
 * machine's; where a role is named, they take it on first.
 */
export class SigV4Credentials implements CredentialStrategy {
  readonly #credentials = new WeakMap<ServerEntry, SourcedCredential>();
  /** By region: web identities are exchanged at the region's STS. */
  readonly #machine = new Map<string, RefreshingKeys>();

  constructor(
    private readonly http: HttpClient,
    private readonly settings: AwsSettings,
  ) {}

  credentialFor(entry: ServerEntry): SourcedCredential {
    let known = this.#credentials.get(entry);
    if (known === undefined) {
      const { auth } = entry;
      if (auth.type !== 'aws_sigv4') throw new TypeError('not a server whose requests are signed');
      known = { identity: 'shared', source: new SigningSource(entry, auth, this.#keysOf(entry, auth)) };
      this.#credentials.set(entry, known);
    }
    return known;
  }

  #keysOf(entry: ServerEntry, auth: AwsSigV4Auth): RefreshingKeys {
    const { region, roleName: roleArn } = auth;
    const own = ownKeys(auth);
    if (roleArn === undefined)
      return own === undefined ? this.#machineKeys(region) : new RefreshingKeys(async () => own);
    const role = { roleArn, sessionName: auth.sessionName ?? sessionName(entry.name) };
    const sts = { http: this.http, region, endpoint: this.settings.stsEndpoint };
    return new RefreshingKeys(async () => assumeRole(role, own ?? (await this.#machineKeys(region).get()), sts));
  }

  #machineKeys(region: string): RefreshingKeys {
    const known = this.#machine.get(region);
    if (known !== undefined) return known;
    const { http, settings } = this;
    const options = { http, settings, region, endpoint: settings.stsEndpoint, sessionName: SESSION_NAME };
    const keys = new RefreshingKeys(() => machineKeys(options));
    // Whoever holds the one that makes room goes on with it.
    const [oldest] = this.#machine.keys();
    if (this.#machine.size >= REGIONS_MAX && oldest !== undefined) this.#machine.delete(oldest);
    this.#machine.set(region, keys);
    return keys;
  }
}

/** Has the keys of one server at hand, and signs with them. */
class SigningSource implements CredentialSource {
  /** Nothing but the signature is sent. */
  readonly #headers: CredentialHeaders = {};
  #signedWith: string | undefined;

  constructor(
    private readonly entry: ServerEntry,
    private readonly auth: AwsSigV4Auth,
    private readonly keys: RefreshingKeys,
  ) {}

  headers(): CredentialHeaders | Promise<CredentialHeaders> {
    if (this.keys.current() !== undefined) return this.#headers;
    return this.keys.get().then(
      () => this.#headers,
      (error: unknown) => {
        throw this.#failure(error);
      },
    );
  }

  /** Services answer 403 to keys that have ended or were withdrawn. */
  refused(): Promise<boolean> {
    return Promise.resolve(this.#signedWith !== undefined && this.keys.refused(this.#signedWith));
  }

  readonly sign = ({ method, target, headers, body }: OutgoingHop): readonly string[] => {
    const keys = this.keys.current();
    if (keys === undefined) throw this.#failure(new AwsKeysError('the AWS credentials have ended'));
    const signed: Record<string, string> = { 'x-amz-content-sha256': hashOf(body) };
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const [name = '', value = ''] = [headers[index], headers[index + 1]];
      // What the operator wrote wins (contract §8): then it is their signature.
      if (name === 'authorization') return [];
      if (name === 'content-type' || name.startsWith('x-amz-')) signed[name] = value;
    }
    const { region, service } = this.auth;
    const host = new URL(target.origin).host;
    const signature = signRequest(
      { method, host, path: target.path, headers: signed, body },
      keys,
      { region, service },
      new Date(),
    );
    this.#signedWith = keys.accessKeyId;
    return Object.entries({ 'x-amz-content-sha256': hashOf(body), ...signature }).flat();
  };

  #failure(error: unknown): Error {
    const reason = error instanceof AwsKeysError ? error.message : 'its AWS credentials cannot be had';
    return upstreamError('upstream/token_failed', this.entry, reason, error);
  }
}

function ownKeys({ accessKeyId, secretAccessKey, sessionToken }: AwsSigV4Auth): AwsKeys | undefined {
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId: accessKeyId.reveal().trim(), secretAccessKey, sessionToken, expiresAt: undefined };
}

/** What STS takes for a session name: 2 to 64 of letters, digits and `_=,.@-`. */
function sessionName(server: string): string {
  return `${SESSION_NAME}-${server.replace(/[^\w=,.@-]/g, '-')}`.slice(0, 64);
}
