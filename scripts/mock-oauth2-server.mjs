/*
 * An MCP server behind OAuth 2, for trying machine-to-machine credentials out on one machine: `node
 * scripts/mock-oauth2-server.mjs [port]` (8765). `POST /oauth/token` gives tokens to one client by client credentials,
 * `/mcp` takes requests that carry one of them.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const CLIENT = { id: 'test-client', secret: 'test-secret' };
const TOKEN_SECONDS = 3600;
const BODY_BYTES_MAX = 64 * 1024;

const port = Number(process.argv[2] ?? 8765);
/** Token to the time at which it ends. */
const tokens = new Map();

const TOOLS = [
  {
    name: 'echo',
    description: 'Gives back a message',
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
  },
  {
    name: 'add',
    description: 'Adds two numbers',
    inputSchema: {
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    },
  },
];

const server = createServer((request, response) => {
  serve(request, response).catch(() => send(response, 400, { error: 'invalid_request' }));
});
server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `port ${port} is taken` : String(error));
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => {
  const { port: taken } = server.address();
  console.log(`MCP server on http://127.0.0.1:${taken}/mcp, tokens from http://127.0.0.1:${taken}/oauth/token`);
});

async function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (request.method === 'POST' && pathname === '/oauth/token') return giveToken(request, response);
  if (pathname !== '/mcp') return send(response, 404, { error: 'not_found' });
  if (!isAdmitted(request)) {
    return send(response, 401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  if (request.method !== 'POST') return send(response, 405, { error: 'method_not_allowed' }, { allow: 'POST' });
  const message = JSON.parse(await bodyOf(request));
  if (message.id === undefined) return void response.writeHead(202).end();
  send(response, 200, { jsonrpc: '2.0', id: message.id, ...answer(message) });
}

async function giveToken(request, response) {
  const form = new URLSearchParams(await bodyOf(request));
  if (form.get('grant_type') !== 'client_credentials') return send(response, 400, { error: 'unsupported_grant_type' });
  const [id, secret] = clientOf(request, form);
  if (!isSame(id, CLIENT.id) || !isSame(secret, CLIENT.secret)) return send(response, 401, { error: 'invalid_client' });
  const token = randomBytes(24).toString('base64url');
  tokens.set(token, Date.now() + TOKEN_SECONDS * 1000);
  console.log('gave a token');
  const scope = form.get('scope');
  const body = { access_token: token, token_type: 'Bearer', expires_in: TOKEN_SECONDS, ...(scope ? { scope } : {}) };
  send(response, 200, body, { 'cache-control': 'no-store' });
}

function clientOf(request, form) {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (basic === undefined) return [form.get('client_id') ?? '', form.get('client_secret') ?? ''];
  return Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
}

function isAdmitted({ headers }) {
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  return (tokens.get(token) ?? 0) > Date.now();
}

function answer({ method, params = {} }) {
  switch (method) {
    case 'initialize':
      return {
        result: {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: 'mock-oauth2-server', version: '1.0.0' },
        },
      };
    case 'ping':
      return { result: {} };
    case 'tools/list':
      return { result: { tools: TOOLS } };
    case 'tools/call':
      return call(params);
    default:
      return { error: { code: -32601, message: 'Method not found' } };
  }
}

function call({ name, arguments: args = {} }) {
  if (name === 'echo') return { result: { content: [{ type: 'text', text: String(args.message) }] } };
  if (name === 'add') return { result: { content: [{ type: 'text', text: String(args.a + args.b) }] } };
  return { error: { code: -32602, message: `Unknown tool: ${name}` } };
}

function isSame(given = '', wanted) {
  const [left, right] = [Buffer.from(given), Buffer.from(wanted)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > BODY_BYTES_MAX) throw new Error('too long');
  }
  return body;
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
