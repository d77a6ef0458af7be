import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ServerView } from '../../core/model/access-view.js';
import type { Limits } from '../../core/model/limits.js';
import { findMember } from '../../core/protocol/json-scan.js';
import { readRpcMessage, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { ASSUMED_VERSION } from '../../core/protocol/versions.js';
import { rawMember } from '../../core/protocol/rpc-message.js';
import { Catalog } from '../../engine/catalog/catalog.js';
import type { Caller } from '../../engine/catalog/caller.js';
import { CallControl } from '../../engine/upstream/upstream.js';
import { LIMITS } from '../../platform/config/tokens.js';
import type { CallerContext } from './caller-context.js';
import { Dispatcher } from './dispatcher.js';
import { writeJson } from './exchange.js';
import { parseBody } from './parse-body.js';
import { PrincipalOwners } from './principal-owners.js';
import type { Pass } from './peer-pass.js';
import { readBody } from './read-body.js';
import { ServeAtHome } from './serve-at-home.js';

/** A request on the REST shortcut, admitted. */
export interface RestAdmitted {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: Record<string, string>;
  readonly context: CallerContext;
  /** By which another process passed it here; undefined: it comes from a client. */
  readonly pass?: Pass | undefined;
}

/** `/mcp-rest/tools/*` (reference §2.4): the same decision and the same engine as MCP, with real HTTP statuses. */
@Injectable()
export class RestDoor {
  constructor(
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(PrincipalOwners) private readonly owners: PrincipalOwners,
    @Inject(ServeAtHome) private readonly home: ServeAtHome,
    @Inject(LIMITS) private readonly limits: Limits,
  ) {}

  /** `GET /mcp-rest/tools/list?server_id=`: bare names, each tool with the `mcp_info` of its server. */
  async list(admitted: RestAdmitted, serverId: string | null): Promise<void> {
    if (admitted.request.method !== 'GET') throw new GatewayError('http/method_not_allowed', { detail: 'use GET' });
    const { context, response, headers } = admitted;
    const view = serverId === null ? context.view : { ...context.view, servers: [this.#server(admitted, serverId)] };
    const { lists, failures, outcomes } = await this.catalog.gather('tools', view, this.#caller(context));
    const [failure] = failures;
    if (failure !== undefined && lists.length === 0) throw failure;
    const tools = lists.flatMap(({ server, list }) => {
      const info = JSON.stringify({ server_name: server.entry.name, ...server.entry.info });
      return list.items
        .filter((item) => server.allowsTool(item.identity))
        .map((item) => `${item.text.slice(0, item.text.lastIndexOf('}'))},"mcp_info":${info}}`);
    });
    const partial = failures.length > 0 ? `,"_meta":${JSON.stringify({ 'gatehouse/outcomes': outcomes })}` : '';
    const text = `{"tools":[${tools.join(',')}],"error":null,"message":"Successfully retrieved tools"${partial}}`;
    writeJson(response, 200, text, headers);
  }

  /** `POST /mcp-rest/tools/call` with `{server_id?, name, arguments?}`. */
  async call(admitted: RestAdmitted): Promise<void> {
    const { request } = admitted;
    if (request.method !== 'POST') throw new GatewayError('http/method_not_allowed', { detail: 'use POST' });
    const text = await readBody(request, this.limits.requestBodyBytesMax);
    const body = parseBody(text, this.limits.jsonDepthMax);
    if (body.kind !== 'single') throw new GatewayError('rpc/invalid_params', { detail: 'the body must be an object' });
    const run = (): Promise<void> => this.#call(admitted, body.message);
    try {
      await run();
    } catch (thrown) {
      await this.home.follow(thrown, admitted, text, run);
    }
  }

  async #call(admitted: RestAdmitted, given: RpcMessage): Promise<void> {
    const { response } = admitted;
    const { context } = admitted;
    const { name, server_id: serverId } = given.value;
    if (typeof name !== 'string' || name === '') {
      throw new GatewayError('rpc/invalid_params', { detail: 'name is required in request body' });
    }
    if (serverId !== undefined && serverId !== null && typeof serverId !== 'string') {
      throw new GatewayError('rpc/invalid_params', { detail: 'server_id must be a string' });
    }
    const view = typeof serverId === 'string' ? oneServerView(context, this.#server(admitted, serverId)) : context.view;
    const args = findMember(given.members, 'arguments');
    const argsText = args === undefined ? '{}' : given.text.slice(args.start, args.end);
    const message = readRpcMessage(
      `{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":${argsText}}}`,
    );
    if (message === undefined) throw new GatewayError('rpc/invalid_params', { detail: 'arguments must be an object' });
    const control = new CallControl();
    response.once('close', () => control.abandon());
    const served = await this.dispatcher.serve({
      context: { ...context, view },
      message,
      idText: '0',
      session: undefined,
      version: ASSUMED_VERSION,
      control,
      emit: () => undefined,
    });
    if (served.error !== undefined) throw served.error;
    const reply = readRpcMessage(served.text);
    const result = reply === undefined ? undefined : rawMember(reply, 'result');
    if (result !== undefined) return writeJson(response, 200, result, admitted.headers);
    const error = reply === undefined ? 'null' : (rawMember(reply, 'error') ?? 'null');
    writeJson(response, 502, `{"detail":{"error":"upstream_error","upstream":${error}}}`, admitted.headers);
  }

  #caller(context: CallerContext): Caller {
    return { principal: context.principal, offer: context.offer, owner: this.owners.of(context.principal) };
  }

  /** By id, alternate id, name or alias; unknown and denied are the same 404. */
  #server(admitted: RestAdmitted, handle: string): ServerView {
    const entry = admitted.context.snapshot.byHandle.get(handle.toLowerCase());
    const server = entry === undefined ? undefined : admitted.context.view.byServerId.get(entry.id);
    if (server === undefined) throw new GatewayError('access/unknown_server', { detail: handle });
    return server;
  }
}

function oneServerView(context: CallerContext, server: ServerView): CallerContext['view'] {
  return {
    ...context.view,
    servers: [server],
    byServerId: new Map([[server.entry.id, server]]),
    byPrefix: new Map([[server.entry.prefix, server]]),
    naming: 'bare',
    fingerprint: `${context.view.fingerprint}|only:${server.entry.id}`,
  };
}
