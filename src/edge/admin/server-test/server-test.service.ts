import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { declareServer } from '../../../core/definition/declare-server.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { readServerBody } from '../../../core/definition/server-body.js';
import { stdioRefusal } from '../../../core/definition/stdio-admission.js';
import { setAsideReason, unsupportedFeatures } from '../../../core/definition/unsupported-features.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { EMPTY_OFFER, type ClientOffer } from '../../../core/model/client-offer.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { UpstreamProbe } from '../../../engine/upstream/probe.js';
import type { StdioSettings } from '../../../platform/config/settings.js';
import { STDIO_SETTINGS } from '../../../platform/config/tokens.js';
import { Authenticator } from '../../../state/identity/authenticator.js';
import { compileServer } from '../../../state/registry/compile-server.js';
import { ValidationFailed } from '../auth/validation.pipe.js';

/** What the server is called while it is tried; only its own definition's name can be wrong. */
const UNNAMED = 'server';
/** Any separator: nothing of a single server shows it. */
const SEPARATOR = '-';

/** Tries a definition before it is saved (reference §2.4). It is validated and compiled by what reads the file. */
@Injectable()
export class ServerTestService {
  constructor(
    @Inject(UpstreamProbe) private readonly probe: UpstreamProbe,
    @Inject(STDIO_SETTINGS) private readonly stdio: StdioSettings,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  /** `authorization`: what the caller brings for the server itself, beside the key for the gateway. */
  async connect(body: unknown, authorization: string | undefined): Promise<void> {
    const entry = this.#compile(body);
    await this.probe.connect(entry, this.#offerFor(entry, authorization));
  }

  async listTools(body: unknown, authorization: string | undefined): Promise<readonly unknown[]> {
    const entry = this.#compile(body);
    return this.probe.listTools(entry, this.#offerFor(entry, authorization));
  }

  /** Throws ValidationFailed, or `auth/forbidden` for a process that may not be started. */
  #compile(body: unknown): ServerEntry {
    const { fields, problems: misshapen } = readServerBody(body);
    if (misshapen.length > 0) throw new ValidationFailed(misshapen);
    const { declared, problems } = declareServer({ server_name: UNNAMED, ...fields }, SEPARATOR, 'db');
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0 || declared === undefined) throw new ValidationFailed(errors);
    const missing = unsupportedFeatures(declared.definition);
    if (missing.length > 0) {
      throw new ValidationFailed(missing.map((each) => problemAt([each.field], setAsideReason([each]))));
    }
    // An id of its own keeps it apart from a registered server of the same name.
    declared.definition.id = `test-${randomUUID()}`;
    const entry = compileServer(declared, SEPARATOR);
    const refusal = stdioRefusal(entry, this.stdio);
    if (refusal !== undefined) throw new GatewayError('auth/forbidden', { detail: refusal });
    return entry;
  }

  /** Only a server that users log in to themselves takes what the caller brings (reference §2.4); never a key of ours. */
  #offerFor({ id, auth, tokenHeader }: ServerEntry, authorization: string | undefined): ClientOffer {
    if (authorization === undefined || this.authenticator.isGatewayKey(authorization)) return EMPTY_OFFER;
    if (auth.type !== 'oauth2' || auth.flow === 'client_credentials') return EMPTY_OFFER;
    return { ...EMPTY_OFFER, perServer: new Map([[id, { [tokenHeader]: authorization }]]) };
  }
}
