import { errorResponse } from './error-schemas.js';

const SECURITY = [{ GatewayKey: [] }, { Bearer: [] }, { ApiKey: [] }];
const UNAUTHORIZED = errorResponse('No valid credential', 'DetailError');
const json = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
});

const MESSAGE = { type: 'object', description: 'a JSON-RPC message of the Model Context Protocol' } as const;
const SCOPE = {
  name: 'x-mcp-servers',
  in: 'header',
  required: false,
  description: 'Only these servers or access groups, separated by commas',
  schema: { type: 'string' },
};
const SESSION = { name: 'mcp-session-id', in: 'header', required: false, schema: { type: 'string' } };
const NAMES = {
  name: 'names',
  in: 'path',
  required: true,
  description: 'Servers (name, alias or id), access groups or toolsets, separated by commas',
  schema: { type: 'string' },
};

function mcp(operation: string, parameters: readonly object[]) {
  const shared = { tags: ['mcp'], security: SECURITY, parameters: [...parameters, SESSION] };
  const refused = { '401': UNAUTHORIZED, '404': json('No such name, or no such session', MESSAGE) };
  return {
    post: {
      ...shared,
      operationId: `${operation}_post`,
      summary: 'Sends a message',
      requestBody: { required: true, content: { 'application/json': { schema: MESSAGE } } },
      responses: {
        '200': {
          description: 'The answer: JSON, or an event stream',
          content: { 'application/json': { schema: MESSAGE }, 'text/event-stream': { schema: { type: 'string' } } },
        },
        '202': { description: 'A notification was taken' },
        ...refused,
      },
    },
    get: {
      ...shared,
      operationId: `${operation}_get`,
      summary: 'Opens the stream of notifications of a session',
      responses: {
        '200': { description: 'An event stream', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        ...refused,
      },
    },
    delete: {
      ...shared,
      operationId: `${operation}_delete`,
      summary: 'Ends a session',
      responses: { '204': { description: 'Ended' }, ...refused },
    },
  };
}

/** What the front door serves; it stands before Nest, so nothing can be read off controllers. */
export const DATA_PLANE_PATHS = {
  '/mcp': mcp('mcp', [SCOPE]),
  '/mcp/{names}': mcp('mcp_names', [NAMES]),
  '/{names}/mcp': mcp('names_mcp', [NAMES]),
  '/toolset/{name}/mcp': mcp('toolset_mcp', [
    { name: 'name', in: 'path', required: true, description: 'A toolset', schema: { type: 'string' } },
  ]),
  '/mcp-rest/tools/list': {
    get: {
      operationId: 'mcp_rest_tools_list',
      tags: ['mcp-rest'],
      security: SECURITY,
      summary: 'The tools the caller may call, by their own names',
      parameters: [
        SCOPE,
        { name: 'server_id', in: 'query', required: false, description: 'Only this one', schema: { type: 'string' } },
      ],
      responses: {
        '200': json('Tools, each with `mcp_info` of its server', {
          type: 'object',
          properties: { tools: { type: 'array', items: { type: 'object' } } },
        }),
        '401': UNAUTHORIZED,
        '404': errorResponse('No such server', 'DetailError'),
      },
    },
  },
  '/mcp-rest/tools/call': {
    post: {
      operationId: 'mcp_rest_tools_call',
      tags: ['mcp-rest'],
      security: SECURITY,
      summary: 'Calls a tool',
      parameters: [SCOPE],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['name'],
              properties: {
                name: { type: 'string' },
                server_id: { type: 'string', description: 'May be left out when one server only has such a tool' },
                arguments: { type: 'object' },
              },
            },
          },
        },
      },
      responses: {
        '200': json('The result of the tool', { type: 'object' }),
        '401': UNAUTHORIZED,
        '404': errorResponse('No such tool or server', 'DetailError'),
        '502': errorResponse('The server failed', 'DetailError'),
      },
    },
  },
};
