/*
 * Runs the reference server as a demo upstream on loopback: `node scripts/demo-upstream.mjs streamableHttp 4011`.
 * Started by the gateway over an IPC channel, and ends when that closes, whatever became of the gateway. Exit code 98: the
 * port is taken.
 */
import { Server } from 'node:net';

const [transport, port] = process.argv.slice(2);
const PORT_TAKEN = 98;

process.on('disconnect', () => process.exit(0));

// The server would listen on every address of the machine; a demo stays at home.
const listen = Server.prototype.listen;
Server.prototype.listen = function listenOnLoopback(wanted, ...rest) {
  this.prependOnceListener('error', (error) => process.exit(error.code === 'EADDRINUSE' ? PORT_TAKEN : 1));
  this.once('listening', () => process.send?.('listening'));
  return listen.call(this, { port: Number(wanted), host: '127.0.0.1' }, ...rest);
};

process.env.PORT = port;
process.argv.splice(2, process.argv.length, transport);
await import('@modelcontextprotocol/server-everything/dist/index.js');
