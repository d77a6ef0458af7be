#!/usr/bin/env node
/**
 * An MCP server over stdio that does whatever a bad server does, on request. Written on bare lines, so that it can send
 * what no SDK would. Flags choose how it starts and ends, tools what it does in between.
 */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';

const flags = new Set(process.argv.slice(2));
const versionFlag = process.argv.find((argument) => argument.startsWith('--version='))?.slice('--version='.length);

const seen = [];
let pending = '';
let waitingForReplies;

const say = (text) => process.stdout.write(`${text}\n`);
const reply = (id, result) => say(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
const replyText = (id, text) => reply(id, JSON.stringify({ content: [{ type: 'text', text }] }));

if (flags.has('--fail-at-start')) {
  process.stderr.write('configuration is missing\nSet ODD_TOKEN and start again\n');
  process.exit(1);
}
if (flags.has('--stubborn')) {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1_000);
}
if (flags.has('--banner')) process.stdout.write('Welcome to the odd server!\n\n{"not": "JSON-RPC"}\n{broken\n[1,2]\n');

process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  pending += chunk;
  const lines = pending.split('\n');
  pending = lines.pop();
  for (const line of lines) {
    seen.push(line);
    take(JSON.parse(line), line);
  }
});

const methods = {
  initialize(id, params) {
    if (flags.has('--never-initialize')) return;
    if (flags.has('--refuse')) {
      say(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32001,"message":"licence expired"}}`);
      return;
    }
    const version = versionFlag ?? params.protocolVersion;
    reply(
      id,
      `{"protocolVersion":${JSON.stringify(version)},"capabilities":{"tools":{},"x-odd":{"kept":true}},"serverInfo":{"name":"odd","version":"1"},"instructions":"Be odd."}`,
    );
  },
  'tools/list': (id) => reply(id, '{"tools":[]}'),
};

const tools = {
  echo: (id, { text = '' }) => replyText(id, text),
  seen: (id) => reply(id, JSON.stringify({ content: seen.map((text) => ({ type: 'text', text })) })),
  env: (id) => replyText(id, JSON.stringify(process.env)),
  where: (id) => replyText(id, JSON.stringify({ cwd: process.cwd(), argv: process.argv.slice(2), pid: process.pid })),
  big: (id) =>
    reply(
      id,
      '{"content":[{"type":"hologram","depth":1.0,"x":1e400}],"structuredContent":{"n":123456789012345678901234567890,"f":0.10000000000000000555,"e":"\\u00e9"},"isError":false,"unknown":[1,  2]}',
    ),
  hang: () => undefined,
  later: (id, { ms }) => void setTimeout(() => replyText(id, 'late'), ms),
  crash: (id, { code = 3 }) => process.stderr.write('starting\nboom: out of luck\n', () => process.exit(code)),
  'crash-after-reply': (id) => {
    replyText(id, 'last words');
    process.exit(0);
  },
  noise(id) {
    say('console.log of a careless author');
    say('{"jsonrpc":"2.0"}');
    say('{"jsonrpc":"2.0","id":999999999,"result":{}}');
    say('{"jsonrpc":"2.0","id":"no number","result":{}}');
    say('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}');
    say('42');
    replyText(id, 'after the noise');
  },
  async crumbs(id) {
    const line = `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"Zürich 東京 🚆"}]}}\r\n`;
    for (const byte of Buffer.from(line)) {
      process.stdout.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  'digits-as-string': (id) => reply(`"${id}"`, '{"content":[]}'),
  huge(id, { bytes, idLast = false }) {
    const result = JSON.stringify({ content: [{ type: 'text', text: 'x'.repeat(bytes) }] });
    say(idLast ? `{"result":${result},"jsonrpc":"2.0","id":${id}}` : `{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  },
  endless() {
    const piece = 'x'.repeat(64 * 1024);
    const write = () => {
      while (process.stdout.write(piece));
      process.stdout.once('drain', write);
    };
    write();
  },
  async progress(id, { steps, everyMs = 0, size = 0 }, { progressToken }) {
    for (let step = 1; step <= steps; step += 1) {
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
      const params = { progressToken, progress: step, total: steps, message: 'y'.repeat(size) };
      say(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
    }
    replyText(id, 'done');
  },
  announce(id) {
    say('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
    say(
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"n":12345678901234567890}}}',
    );
    say('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":987654321,"progress":1}}');
    replyText(id, 'announced');
  },
  batch(id) {
    say(
      `[{"jsonrpc":"2.0","method":"notifications/tools/list_changed"},{"jsonrpc":"2.0","id":${id},"result":{"content":[],"n":12345678901234567890}}]`,
    );
  },
  /** Asks the client things and answers with the replies as they came. */
  ask(id) {
    const replies = [];
    waitingForReplies = (line) => {
      replies.push(line);
      if (replies.length === 2) reply(id, JSON.stringify({ content: replies.map((text) => ({ type: 'text', text })) }));
    };
    say('{"jsonrpc":"2.0","id":"p-1","method":"ping"}');
    say('{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}');
  },
  'flood-stderr': (id, { lines, size }) => {
    for (let line = 0; line < lines; line += 1) process.stderr.write(`${'e'.repeat(size)} ${line}\n`);
    replyText(id, 'flooded');
  },
  complain: (id, { text }) => process.stderr.write(`${text}\n`, () => replyText(id, 'complained')),
  /** Starts a child of its own in the same process group. */
  fork(id, { stubborn = false }) {
    const trap = stubborn ? "process.on('SIGTERM', () => undefined);" : '';
    const child = spawn(process.execPath, ['-e', `${trap} setInterval(() => undefined, 1000); console.log('up')`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.once('data', () => replyText(id, String(child.pid)));
  },
  'close-output': () => {
    setInterval(() => undefined, 1_000);
    closeSync(1);
  },
  deep: (id, { levels }) => reply(id, `{"content":[],"x":${'['.repeat(levels)}${']'.repeat(levels)}}`),
  /** Reads nothing any more. */
  deaf(id) {
    setInterval(() => undefined, 1_000);
    process.stdin.pause();
    replyText(id, 'deaf now');
  },
};

function take({ id, method, params }, line) {
  if (method === undefined) waitingForReplies?.(line);
  else if (method === 'tools/call') void tools[params.name](id, params.arguments ?? {}, params._meta ?? {});
  else methods[method]?.(id, params);
}
