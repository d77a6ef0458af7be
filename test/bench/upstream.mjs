/**
 * The upstream of the benchmark: a streamable-HTTP MCP server without sessions that costs as little as Node allows, so
 * that what is measured is the way to it. On plain sockets, because `node:http` would take half of the core that it
 * shares with the load, and the bare proxy would be measured against that. Every path is a server with TOOLS tools.
 */
import { createServer } from 'node:net';

const TOOLS = Number(process.env.TOOLS ?? 20);

const tools = JSON.stringify(
  Array.from({ length: TOOLS }, (_, index) => ({
    name: index === 0 ? 'echo' : `tool_${index}`,
    description: 'Looks up a record by its number and gives back what is known about it',
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string' }, count: { type: 'integer', minimum: 0 } },
      required: ['text'],
    },
  })),
);

const initialized = JSON.stringify({
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'bench-upstream', version: '1.0.0' },
});

function resultOf(rpc) {
  if (rpc.method === 'tools/call') {
    return `{"content":[{"type":"text","text":${JSON.stringify(rpc.params.arguments?.text ?? '')}}]}`;
  }
  if (rpc.method === 'tools/list') return `{"tools":${tools}}`;
  return rpc.method === 'initialize' ? initialized : '{}';
}

const REFUSED = 'HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n';
const ACCEPTED = 'HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n';

function replyTo(body) {
  const rpc = JSON.parse(body);
  if (rpc.id === undefined) return ACCEPTED;
  const reply = `{"jsonrpc":"2.0","id":${JSON.stringify(rpc.id)},"result":${resultOf(rpc)}}`;
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(reply)}\r\n\r\n${reply}`;
}

const HEAD_END = Buffer.from('\r\n\r\n');

const server = createServer({ noDelay: true }, (socket) => {
  let pending = null;
  socket.on('error', () => socket.destroy());
  socket.on('data', (received) => {
    let buffer = pending === null ? received : Buffer.concat([pending, received]);
    pending = null;
    for (;;) {
      const headEnd = buffer.indexOf(HEAD_END);
      if (headEnd === -1) break;
      const head = buffer.latin1Slice(0, headEnd);
      const bodyStart = headEnd + 4;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (buffer.length < bodyStart + length) break;
      socket.write(
        head.startsWith('POST ') && length > 0 ? replyTo(buffer.utf8Slice(bodyStart, bodyStart + length)) : REFUSED,
      );
      buffer = buffer.subarray(bodyStart + length);
    }
    if (buffer.length > 0) pending = buffer;
  });
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening ${server.address().port}\n`);
});
