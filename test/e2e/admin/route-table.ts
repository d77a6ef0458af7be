/** Throwaway objects of the tenant `ours`, so that no request spoils the next. Each gives the id. */
export interface Fresh {
  /** A name nobody has. */
  name(): string;
  key(): Promise<string>;
  team(): Promise<string>;
  organization(): Promise<string>;
  user(): Promise<string>;
  customer(): Promise<string>;
  server(): Promise<string>;
  submission(): Promise<string>;
  toolset(): Promise<string>;
  accessGroup(): Promise<string>;
  auditEntry(): Promise<string>;
}

/** A request that would succeed if the caller may make it. */
export interface RouteRequest {
  /** What stands for the parameter of the path; default: a name that is nobody's. */
  readonly named?: (fresh: Fresh) => string | Promise<string>;
  readonly query?: string;
  readonly body?: (fresh: Fresh) => object | Promise<object>;
}

/**
 * The status each caller reads, in the order of {@link CALLERS}; `public`: 200 for everybody, stranger or not; `open`: no
 * gateway credential is asked for, and who has one reads the same as who has none (OAuth clients and browsers).
 */
export type RouteRow = readonly [answers: string, request?: RouteRequest];

/**
 * `foreign`: admin of another team. The others are of `ours`: member, team admin, and admin of its organization. Then the
 * two of the whole installation.
 */
export const CALLERS = ['foreign', 'member', 'teamAdmin', 'orgAdmin', 'viewer', 'proxyAdmin'] as const;
export type CallerName = (typeof CALLERS)[number];

const key: RouteRequest = { body: async (fresh) => ({ key: await fresh.key() }) };
const team: RouteRequest = { body: async (fresh) => ({ team_id: await fresh.team() }) };
const ours: RouteRequest = { query: 'team_id=ours' };
const customers: RouteRequest = { body: async (fresh) => ({ user_ids: [await fresh.customer()] }) };
const server: RouteRequest = {
  named: (fresh) => fresh.server(),
  body: () => ({ description: 'changed' }),
};
const srv = { mcp_servers: ['srv'] };
const draft = { server_name: 'draft', url: 'http://127.0.0.1:9/mcp' };

/** Every route of the control plane, as Nest registers it. */
export const CONTROL_ROUTES: Readonly<Record<string, RouteRow>> = {
  'GET /health/liveliness': ['public'],
  'GET /health/liveness': ['public'],
  'GET /health/readiness': ['public'],
  'GET /.well-known/jwks.json': ['public'],
  'GET /.well-known/oauth-protected-resource': ['public'],
  'GET /.well-known/oauth-protected-resource/*path': ['public'],
  'GET /.well-known/oauth-authorization-server': ['public'],
  'GET /.well-known/oauth-authorization-server/*path': ['public'],
  'GET /.well-known/openid-configuration': ['public'],
  'GET /.well-known/openid-configuration/*path': ['public'],
  'GET /:server/.well-known/oauth-authorization-server': ['public'],
  'GET /:server/.well-known/openid-configuration': ['public'],
  'POST /register': ['open'],
  'POST /token': ['open'],
  'POST /revoke': ['open'],
  'GET /authorize': ['open'],
  'GET /.well-known/oauth-client': ['public'],
  'GET /callback': ['open'],
  'GET /:server/authorize': ['open'],
  'POST /:server/authorize': ['open'],
  'POST /:server/register': ['open'],
  'POST /:server/token': ['open'],
  'POST /:server/revoke': ['open'],
  'GET /authorize/flow': ['open'],
  'POST /authorize/flow': ['open'],
  'GET /login': ['open'],
  'POST /login': ['open'],
  'GET /login/company': ['open'],
  'GET /login/callback': ['open'],
  'GET /connect/:server': ['public'],
  'POST /connect/:server': ['open'],
  'GET /public/mcp_hub': ['public'],
  'GET /v1/mcp/registry.json': ['public'],
  'GET /v0.1/servers': ['public'],
  'GET /v0.1/servers/:name/versions': ['public', { named: () => 'srv' }],
  'GET /v0.1/servers/:name/versions/:version': ['public', { named: () => 'srv' }],

  'GET /health': ['403 403 403 403 200 200'],
  'GET /metrics': ['403 403 403 403 200 200'],
  'GET /v1/oauth/signing-keys': ['403 403 403 403 200 200'],
  'POST /v1/oauth/signing-keys/rotate': ['403 403 403 403 403 200', { body: () => ({}) }],
  'GET /metrics/process': ['403 403 403 403 200 200'],
  'GET /openapi.json': ['200 200 200 200 200 200'],
  'GET /docs': ['200 200 200 200 200 200'],
  'GET /docs/start.js': ['200 200 200 200 200 200'],
  'GET /docs/:asset': ['200 200 200 200 200 200', { named: () => 'swagger-ui.css' }],

  'POST /key/generate': ['403 401 200 200 403 200', { body: () => ({ team_id: 'ours', object_permission: srv }) }],
  'POST /key/service-account/generate': [
    '403 401 200 200 403 200',
    { body: () => ({ team_id: 'ours', object_permission: srv }) },
  ],
  'POST /key/regenerate': ['403 401 403 403 403 200', key],
  'POST /key/:key/regenerate': ['403 401 403 403 403 200', { named: (fresh) => fresh.key() }],
  'POST /key/update': [
    '403 401 200 200 403 200',
    { body: async (fresh) => ({ key: await fresh.key(), metadata: {} }) },
  ],
  'POST /key/bulk_update': [
    '200 200 200 200 200 200',
    { body: async (fresh) => ({ keys: [{ key: await fresh.key(), tags: ['a'] }] }) },
  ],
  'POST /key/delete': ['403 401 200 200 403 200', { body: async (fresh) => ({ keys: [await fresh.key()] }) }],
  'POST /key/:key/reset_spend': [
    '403 401 200 200 403 200',
    { named: (fresh) => fresh.key(), body: () => ({ reset_to: 0 }) },
  ],
  'POST /key/block': ['403 401 200 200 403 200', key],
  'POST /key/unblock': ['403 401 200 200 403 200', key],
  'GET /key/info': ['403 200 200 200 200 200', { query: 'key={key}' }],
  'POST /v2/key/info': ['200 200 200 200 200 200', { body: async (fresh) => ({ keys: [await fresh.key()] }) }],
  'GET /key/list': ['200 200 200 200 200 200', ours],
  'GET /key/aliases': ['200 200 200 200 200 200'],
  'POST /key/health': ['200 200 200 200 200 200'],

  'GET /v1/oauth/grants': ['200 200 200 200 200 200'],
  'DELETE /v1/oauth/grants/:id': ['404 404 404 404 404 404'],

  'POST /team/new': [
    '403 403 403 200 403 200',
    { body: () => ({ organization_id: 'our-org', object_permission: srv }) },
  ],
  'POST /team/update': [
    '403 403 200 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), metadata: {} }) },
  ],
  'POST /team/delete': ['403 403 403 200 403 200', { body: async (fresh) => ({ team_ids: [await fresh.team()] }) }],
  'GET /team/info': ['403 200 200 200 200 200', ours],
  'GET /team/list': ['200 200 200 200 200 200'],
  'GET /v2/team/list': ['200 200 200 200 200 200'],
  'GET /team/available': ['200 200 200 200 200 200'],
  'POST /team/block': ['403 403 403 200 403 200', team],
  'POST /team/unblock': ['403 403 403 200 403 200', team],
  'POST /team/model/add': [
    '403 403 403 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), models: ['m'] }) },
  ],
  'POST /team/model/delete': [
    '403 403 403 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), models: ['m'] }) },
  ],
  'GET /team/permissions_list': ['403 200 200 200 200 200', ours],
  'POST /team/permissions_update': [
    '403 403 200 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), team_member_permissions: ['/key/info'] }) },
  ],
  'POST /team/member_add': [
    '403 403 200 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), member: { user_id: await fresh.user(), role: 'user' } }) },
  ],
  'POST /team/bulk_member_add': [
    '403 403 200 200 403 200',
    {
      body: async (fresh) => ({
        team_id: await fresh.team(),
        members: [{ user_id: await fresh.user(), role: 'user' }],
      }),
    },
  ],
  'POST /team/member_update': [
    '403 403 200 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), user_id: 'member', tpm_limit: 1 }) },
  ],
  'POST /team/member_delete': [
    '403 403 200 200 403 200',
    { body: async (fresh) => ({ team_id: await fresh.team(), user_id: 'member' }) },
  ],

  'POST /organization/new': ['401 401 401 401 401 200', { body: () => ({ organization_alias: 'new' }) }],
  'PATCH /organization/update': [
    '401 401 401 401 401 200',
    { body: async (fresh) => ({ organization_id: await fresh.organization(), metadata: {} }) },
  ],
  'DELETE /organization/delete': [
    '401 401 401 401 401 200',
    { body: async (fresh) => ({ organization_ids: [await fresh.organization()] }) },
  ],
  'GET /organization/list': ['200 200 200 200 200 200'],
  'GET /organization/info': ['403 200 200 200 200 200', { query: 'organization_id=our-org' }],
  'POST /organization/info': ['200 200 200 200 200 200', { body: () => ({ organizations: ['our-org'] }) }],
  'POST /organization/member_add': [
    '403 403 403 200 403 200',
    {
      body: async (fresh) => ({
        organization_id: await fresh.organization(),
        member: { user_id: await fresh.user(), role: 'internal_user' },
      }),
    },
  ],
  'PATCH /organization/member_update': [
    '403 403 403 200 403 200',
    {
      body: async (fresh) => ({ organization_id: await fresh.organization(), user_id: 'orgAdmin', role: 'org_admin' }),
    },
  ],
  'DELETE /organization/member_delete': [
    '403 403 403 200 403 200',
    { body: async (fresh) => ({ organization_id: await fresh.organization(), user_id: 'orgAdmin' }) },
  ],

  'POST /user/new': ['403 403 403 403 403 200', { body: () => ({ user_alias: 'somebody' }) }],
  'POST /user/update': [
    '403 403 403 403 403 200',
    { body: async (fresh) => ({ user_id: await fresh.user(), user_alias: 'x' }) },
  ],
  'POST /user/bulk_update': [
    '403 403 403 403 403 200',
    { body: async (fresh) => ({ users: [{ user_id: await fresh.user(), user_alias: 'x' }] }) },
  ],
  'POST /user/delete': ['403 403 403 403 403 200', { body: async (fresh) => ({ user_ids: [await fresh.user()] }) }],
  'GET /user/info': ['403 200 403 403 200 200', { query: 'user_id=member' }],
  'GET /user/list': ['200 200 200 200 200 200'],
  'GET /user/available_roles': ['200 200 200 200 200 200'],
  'GET /user/filter/ui': ['200 200 200 200 200 200'],

  'POST /customer/new': ['403 403 403 403 403 200', { body: (fresh) => ({ user_id: fresh.name() }) }],
  'POST /customer/update': [
    '403 403 403 403 403 200',
    { body: async (fresh) => ({ user_id: await fresh.customer(), alias: 'x' }) },
  ],
  'GET /customer/info': ['403 403 403 403 200 200', { query: 'end_user_id=customer' }],
  'GET /customer/list': ['403 403 403 403 200 200'],
  'POST /customer/delete': ['403 403 403 403 403 200', customers],
  'POST /customer/block': ['403 403 403 403 403 200', customers],
  'POST /customer/unblock': ['403 403 403 403 403 200', customers],

  'GET /v1/mcp/server': ['200 200 200 200 200 200'],
  'GET /v1/mcp/server/health': ['200 200 200 200 200 200'],
  'GET /v1/mcp/server/:id': ['404 200 200 200 200 200', { named: () => 'srv' }],
  'POST /v1/mcp/server': ['403 403 403 403 403 201', { body: (fresh) => ({ ...draft, server_name: fresh.name() }) }],
  'POST /v1/mcp/server/import': ['403 403 403 403 403 200', { body: () => ({ mcpServers: {} }) }],
  'PUT /v1/mcp/server': [
    '403 403 403 403 403 202',
    { body: async (fresh) => ({ server_id: await fresh.server(), description: 'x' }) },
  ],
  'PUT /v1/mcp/server/:id': ['403 403 403 403 403 202', server],
  'PATCH /v1/mcp/server/:id': ['403 403 403 403 403 202', server],
  'DELETE /v1/mcp/server/:id': ['403 403 403 403 403 202', { named: (fresh) => fresh.server() }],
  'POST /v1/mcp/server/:id/pin': ['403 403 403 403 403 200', { named: () => 'srv' }],
  'DELETE /v1/mcp/server/:id/pin': ['403 403 403 403 403 200', { named: (fresh) => fresh.server() }],
  'POST /v1/mcp/server/register': [
    '201 201 201 400 403 403',
    { body: (fresh) => ({ ...draft, server_name: fresh.name() }) },
  ],
  'GET /v1/mcp/server/submissions': ['403 403 403 403 200 200'],
  'PUT /v1/mcp/server/:id/approve': ['403 403 403 403 403 200', { named: (fresh) => fresh.submission() }],
  'PUT /v1/mcp/server/:id/reject': [
    '403 403 403 403 403 200',
    { named: (fresh) => fresh.submission(), body: () => ({}) },
  ],
  'GET /v1/mcp/user-credentials': ['403 200 403 403 200 200', { query: 'user_id=member' }],
  'GET /v1/mcp/server/:id/user-credentials': ['404 200 200 200 200 200', { named: () => 'personal' }],
  'POST /v1/mcp/server/:id/user-credential': [
    '404 200 200 200 200 200',
    { named: () => 'personal', body: () => ({ credential: 'mine' }) },
  ],
  'DELETE /v1/mcp/server/:id/user-credential': [
    '403 200 403 403 403 200',
    { named: () => 'personal', query: 'user_id=member' },
  ],
  'POST /v1/mcp/server/:id/oauth-user-credential': [
    '404 200 200 200 200 200',
    { named: () => 'personal', body: () => ({ access_token: 'mine' }) },
  ],
  'DELETE /v1/mcp/server/:id/oauth-user-credential': [
    '403 200 403 403 403 200',
    { named: () => 'personal', query: 'user_id=member' },
  ],
  'GET /v1/mcp/server/:id/oauth-user-credential/status': [
    '403 200 403 403 200 200',
    { named: () => 'personal', query: 'user_id=member' },
  ],
  'GET /v1/mcp/user-env-vars/status': ['403 200 403 403 200 200', { query: 'user_id=member' }],
  'GET /v1/mcp/server/:id/user-env-vars': ['404 200 200 200 200 200', { named: () => 'personal' }],
  'POST /v1/mcp/server/:id/user-env-vars': [
    '404 200 200 200 200 200',
    { named: () => 'personal', body: () => ({ values: { 'X-Workspace': 'mine' } }) },
  ],
  'DELETE /v1/mcp/server/:id/user-env-vars': [
    '403 200 403 403 403 200',
    { named: () => 'personal', query: 'user_id=member' },
  ],
  'POST /v1/mcp/make_public': ['403 403 403 403 403 202', { body: () => ({ mcp_server_ids: ['srv'] }) }],
  'POST /mcp-rest/test/connection': ['403 403 403 403 403 200', { body: () => draft }],
  'POST /mcp-rest/test/tools/list': ['403 403 403 403 403 200', { body: () => draft }],

  'GET /v1/mcp/toolset': ['200 200 200 200 200 200'],
  'POST /v1/mcp/toolset': ['403 403 403 403 403 201', { body: (fresh) => ({ toolset_name: fresh.name(), tools: [] }) }],
  'PUT /v1/mcp/toolset': [
    '403 403 403 403 403 202',
    { body: async (fresh) => ({ toolset_id: await fresh.toolset(), description: 'x' }) },
  ],
  'GET /v1/mcp/toolset/:id': ['404 200 200 200 200 200', { named: () => 'set' }],
  'PUT /v1/mcp/toolset/:id': [
    '403 403 403 403 403 202',
    { named: (fresh) => fresh.toolset(), body: () => ({ description: 'x' }) },
  ],
  'DELETE /v1/mcp/toolset/:id': ['403 403 403 403 403 202', { named: (fresh) => fresh.toolset() }],

  'GET /v1/access_group': ['403 403 403 403 200 200'],
  'POST /v1/access_group': ['403 403 403 403 403 201', { body: (fresh) => ({ access_group_name: fresh.name() }) }],
  'GET /v1/access_group/:id': ['403 403 403 403 200 200', { named: (fresh) => fresh.accessGroup() }],
  'PUT /v1/access_group/:id': [
    '403 403 403 403 403 200',
    { named: (fresh) => fresh.accessGroup(), body: () => ({ description: 'x' }) },
  ],
  'DELETE /v1/access_group/:id': ['403 403 403 403 403 204', { named: (fresh) => fresh.accessGroup() }],

  'GET /v1/mcp/tools': ['200 200 200 200 200 200'],
  'GET /v1/mcp/access_groups': ['200 200 200 200 200 200'],
  'GET /v1/mcp/network/client-ip': ['200 200 200 200 200 200'],
  'GET /v1/mcp/access/explain': ['404 404 404 404 200 200', { query: 'key={key}&server=srv' }],

  'GET /audit': ['403 403 403 403 200 200'],
  'GET /audit/:id': ['403 403 403 403 200 200', { named: (fresh) => fresh.auditEntry() }],

  'GET /spend/logs': ['200 200 200 200 200 200', ours],
  'GET /spend/logs/v2': ['200 200 200 200 200 200', ours],
  'GET /spend/logs/ui': ['200 200 200 200 200 200', ours],
  'GET /global/activity': ['200 200 200 200 200 200'],
  'GET /team/daily/activity': ['200 200 200 200 200 200', { query: 'team_ids=ours' }],
  'GET /organization/daily/activity': ['200 200 200 200 200 200', { query: 'organization_ids=our-org' }],
  'GET /user/daily/activity': ['200 200 200 200 200 200', { query: 'user_id=member' }],
  'GET /user/daily/activity/aggregated': ['200 200 200 200 200 200', { query: 'user_id=member' }],
  'GET /customer/daily/activity': ['403 403 403 403 200 200'],
  'GET /end_user/daily/activity': ['403 403 403 403 200 200'],
};

/** Controllers that answer under two names: the other one to the one in the table. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  '/end_user': '/customer',
  '/v1/unified_access_group': '/v1/access_group',
};

const call = { body: () => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } }) };
const list = { body: () => ({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) };

/** The doors before Nest: a new kind of door has no entry here, and that does not compile. */
export const DOOR_ROUTES = {
  mcp: {
    'POST /mcp': ['200 200 200 200 200 200', list],
    'POST /mcp/': ['200 200 200 200 200 200', list],
    'POST /mcp/srv': ['404 200 200 200 404 200', call],
    'POST /srv/mcp': ['404 200 200 200 404 200', call],
    'POST /mcp/nobody': ['404 404 404 404 404 404', list],
    'POST /mcp/srv/tools': ['404 200 200 200 404 200', call],
    'GET /mcp': ['400 400 400 400 400 400'],
    'GET /mcp/srv': ['404 400 400 400 404 400'],
    'DELETE /mcp': ['400 400 400 400 400 400'],
  },
  toolset: {
    'POST /toolset/set/mcp': ['404 200 200 200 404 200', list],
    'POST /toolset/nobody/mcp': ['404 404 404 404 404 404', list],
  },
  sse: {
    'GET /sse': ['200 200 200 200 200 200'],
    'GET /srv/sse': ['404 200 200 200 404 200'],
    'GET /mcp/srv/sse': ['404 200 200 200 404 200'],
    'GET /mcp/sse': ['200 200 200 200 200 200'],
  },
  messages: {
    'POST /messages': ['404 404 404 404 404 404', { ...list, query: 'session_id=nobody' }],
    'POST /srv/messages': ['404 404 404 404 404 404', { ...list, query: 'session_id=nobody' }],
  },
  'rest-list': { 'GET /mcp-rest/tools/list': ['404 200 200 200 404 200', { query: 'server_id=srv' }] },
  'rest-call': {
    'POST /mcp-rest/tools/call': ['404 200 200 200 404 200', { body: () => ({ server_id: 'srv', name: 'echo' }) }],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, RouteRow>>>>;
