import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { isInteractive } from '../../core/access/interactive-server.js';
import { UserKeyDefinition, UserVariablesDefinition } from '../../core/definition/user-credential.definition.js';
import { validateDefinition } from '../../core/definition/validate-definition.js';
import { isRecord } from '../../core/definition/field-checks.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { userVariableNames } from '../../state/credential/user-variable-names.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { BrowserCookies } from './browser-cookies.js';
import { sendPage } from './browser-page.js';
import { BrowserSessions, type BrowserUser } from './browser-sessions.js';
import { connectedPage, connectPage } from './connect-page.js';
import { ConnectSignIn } from './connect-sign-in.js';
import { Connections, type Kept } from './connections.js';
import { BrowserEndpoint } from './endpoint.decorator.js';
import { isLocalPath, loginPath } from './local-path.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { onceEach, readForm, readQuery } from './read-body.js';

/** RFC 6749 §3.3, several of them. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+){0,49}$/;

/** What the page was asked for, in its address and again in its form. */
interface Wish {
  /** Rights that are needed besides those given already. */
  readonly scope: string | undefined;
  /** A path of ours to go on to. */
  readonly next: string | undefined;
}

/**
 * The page of a server for its users: log in to it, or keep a key or values for it (contract §11). Whoever is signed in at
 * the browser sees and changes their own; the link itself says nothing of anybody.
 */
@Controller()
@BrowserEndpoint()
export class ConnectController {
  readonly #begun = new AttemptLimiter({ perAddress: 60, total: 6_000, windowMs: 60_000 });

  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(BrowserCookies) private readonly cookies: BrowserCookies,
    @Inject(BrowserSessions) private readonly sessions: BrowserSessions,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(ConnectSignIn) private readonly signIn: ConnectSignIn,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  @Get('/connect/:server')
  @RouteDoc('The page where a user connects to a server', {
    query: { scope: 'Rights that are needed besides those given already', next: 'A path of the gateway to go on to' },
  })
  async show(@Req() request: Request, @Res() response: Response, @Param('server') handle: string): Promise<void> {
    const wish = readWish(onceEach(readQuery(request)));
    const user = await this.sessions.current(request);
    if (user === undefined) return this.#toLogin(request, response, handle, wish);
    await this.#page(request, response, user, this.connections.serverFor(request, user.principal, handle), wish);
  }

  @Post('/connect/:server')
  @RouteDoc('What the user decided, sent by the form of that page')
  async decide(@Req() request: Request, @Res() response: Response, @Param('server') handle: string): Promise<void> {
    const form = await readForm(request);
    const browser = this.cookies.browser(request);
    const user = await this.sessions.current(request);
    if (browser === undefined || user === undefined) {
      throw new OAuthRefusal('access_denied', 'you are not signed in any more', 403);
    }
    const entry = this.connections.serverFor(request, user.principal, handle);
    const person = this.connections.personOf(user.principal);
    if (!this.cookies.isOwnForm(request, browser, formOf(entry, user), form.get('csrf') ?? '')) {
      throw new OAuthRefusal('access_denied', 'this form was not sent by this browser, or is too old', 403);
    }
    const wish = readWish(form);
    const kept = await this.connections.keptBy(person, entry);
    const wanted = form.get('do');
    if (wanted === 'connect' && isInteractive(entry)) {
      this.#limit(request);
      const scopes = await this.#scopes(entry, kept, wish.scope);
      return this.signIn.begin(request, response, browser, entry, { person, scopes, next: wish.next });
    }
    if (wanted === 'drop' && isInteractive(entry)) {
      await this.signIn.drop(person, entry, kept);
      return this.#page(request, response, user, entry, wish, 'You are disconnected.');
    }
    if (wanted !== 'save') throw new OAuthRefusal('invalid_request', 'there is nothing to do');
    const problem = await this.#save(form, person, entry);
    if (problem !== undefined) return this.#page(request, response, user, entry, wish, problem);
    if (wish.next !== undefined) return response.redirect(303, this.#own(request, wish.next));
    sendPage(response, connectedPage(entry.name));
  }

  /** Answers what is wrong with it, for people. */
  async #save(
    form: URLSearchParams,
    person: ReturnType<Connections['personOf']>,
    entry: ServerEntry,
  ): Promise<string | undefined> {
    const key = form.get('key') ?? '';
    const names = userVariableNames(entry);
    const values = new Map(
      names.flatMap((name) => {
        const value = form.get(`value:${name}`) ?? '';
        return value === '' ? [] : [[name, value] as const];
      }),
    );
    const isKey = entry.byok && key !== '';
    if (!isKey && values.size === 0) return 'Nothing was entered.';
    const checkedKey = validateDefinition(UserKeyDefinition, isKey ? { credential: key } : {});
    const checkedValues = validateDefinition(UserVariablesDefinition, { values: Object.fromEntries(values) });
    const [problem] = [...checkedKey.problems, ...checkedValues.problems];
    if (problem !== undefined) return `It was not kept: what you entered ${problem.message}.`;
    if (checkedKey.value.credential !== undefined) {
      await this.connections.keepKey(person, entry, checkedKey.value.credential);
    }
    if (values.size > 0) await this.connections.keepVariables(person, entry, values);
    return undefined;
  }

  async #page(
    request: Request,
    response: Response,
    user: BrowserUser,
    entry: ServerEntry,
    wish: Wish,
    notice?: string,
  ): Promise<void> {
    const person = this.connections.personOf(user.principal);
    const kept = await this.connections.keptBy(person, entry);
    const browser = this.cookies.ensureBrowser(request, response);
    const fields = {
      csrf: this.cookies.csrfToken(browser, formOf(entry, user)),
      ...(wish.scope === undefined ? {} : { scope: wish.scope }),
      ...(wish.next === undefined ? {} : { next: wish.next }),
    };
    sendPage(
      response,
      connectPage({
        serverName: entry.name,
        description: entry.description,
        destination: destinationOf(entry),
        signedInAs: user.label,
        otherAccount: this.#own(request, loginPath(pathOf(entry.name, wish))),
        login: isInteractive(entry)
          ? {
              ...(await this.signIn.destination(entry)),
              ...(wish.scope === undefined ? {} : { scopes: (await this.#scopes(entry, kept, wish.scope)) ?? [] }),
              state: stateOf(kept),
              canDrop: kept.tokens !== undefined,
            }
          : undefined,
        key: entry.byok
          ? { help: entry.byokHelp?.description ?? [], helpUrl: entry.byokHelp?.url, isSet: kept.hasKey }
          : undefined,
        variables: this.#variables(entry, kept),
        action: this.#own(request, `/connect/${encodeURIComponent(entry.name)}`),
        fields,
        notice,
        later: wish.next === undefined ? undefined : this.#own(request, wish.next),
      }),
    );
  }

  /** All that are needed: those given before, or else usual, and those asked for now. Undefined: the usual ones. */
  async #scopes(
    entry: ServerEntry,
    { tokens }: Kept,
    asked: string | undefined,
  ): Promise<readonly string[] | undefined> {
    if (asked === undefined || !isInteractive(entry)) return undefined;
    const set: unknown = tokens?.status === 'active' ? JSON.parse(tokens.secret.reveal()) : undefined;
    const given = isRecord(set) && typeof set['scope'] === 'string' ? set['scope'].split(' ') : undefined;
    const former = given ?? (await this.signIn.destination(entry)).scopes;
    return [...new Set([...former, ...asked.split(' ')])].filter((scope) => scope !== '');
  }

  #variables(entry: ServerEntry, { variables }: Kept) {
    const definition = this.registry.definitionOf(entry);
    const written: readonly unknown[] = [definition?.env, definition?.header_variables].flatMap((list) =>
      Array.isArray(list) ? (list as readonly unknown[]) : [],
    );
    return userVariableNames(entry).map((name) => {
      const found = written.find((one) => isRecord(one) && one['name'] === name);
      const description = isRecord(found) ? found['description'] : undefined;
      return {
        name,
        description: typeof description === 'string' ? description : undefined,
        isSet: variables.has(name),
      };
    });
  }

  #toLogin(request: Request, response: Response, handle: string, wish: Wish): void {
    const path = pathOf(handle, wish);
    if (!isLocalPath(path))
      throw new OAuthRefusal('invalid_request', 'there is no server of this name to connect to', 404);
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, this.#own(request, loginPath(path)));
  }

  #limit(request: Request): void {
    const seconds = this.#begun.tooMany(this.address.clientAddress(request));
    if (seconds === undefined) return;
    throw new OAuthRefusal('slow_down', 'too many tries', 429, { retryAfterSeconds: seconds });
  }

  #own(request: Request, path: string): string {
    return `${this.address.baseUrl(request)}${path}`;
  }
}

function readWish(parameters: URLSearchParams): Wish {
  const [scope, next] = [parameters.get('scope') ?? undefined, parameters.get('next') ?? undefined];
  if (scope !== undefined && (scope.length > 1_000 || !SCOPE.test(scope))) {
    throw new OAuthRefusal('invalid_request', 'scope is not one');
  }
  if (next !== undefined && !isLocalPath(next)) throw new OAuthRefusal('invalid_request', 'next leads elsewhere');
  return { scope, next };
}

function pathOf(handle: string, wish: Wish): string {
  const query = new URLSearchParams();
  if (wish.scope !== undefined) query.set('scope', wish.scope);
  if (wish.next !== undefined) query.set('next', wish.next);
  const text = query.toString();
  return `/connect/${encodeURIComponent(handle)}${text === '' ? '' : `?${text}`}`;
}

/** What a form is bound to besides the browser: the server, and who was signed in when it was shown. */
function formOf({ id }: ServerEntry, { session }: BrowserUser): string {
  return `connect ${id} ${session}`;
}

function stateOf({ tokens }: Kept): string | undefined {
  if (tokens === undefined) return undefined;
  return tokens.status === 'active' ? 'connected' : (tokens.reason ?? 'the login has ended');
}

function destinationOf({ endpoint }: ServerEntry): string {
  return endpoint.kind === 'http' ? (URL.parse(endpoint.url)?.host ?? 'the server') : 'a process of this gateway';
}
