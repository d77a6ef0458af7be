#!/usr/bin/env node
/** An MCP server over stdio with one tool, which says in which process it runs and how often it was called there. */
import { createInterface } from 'node:readline';

let calls = 0;
const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'counting', version: '1' },
  }),
  'tools/list': () => ({ tools: [{ name: 'count', inputSchema: { type: 'object' } }] }),
  'tools/call': () => ({ content: [{ type: 'text', text: `${process.pid}:${(calls += 1)}` }] }),
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const result = methods[method]?.(params);
  const error = { code: -32601, message: 'Method not found' };
  process.stdout.write(
    `${JSON.stringify({ jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) })}\n`,
  );
});
