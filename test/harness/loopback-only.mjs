import { Socket } from 'node:net';

/**
 * Refuses every outgoing connection but those to this machine. Loaded by jest for every test file, and by
 * `node --import` for child processes. Dialling out in a test is a defect: of the test, or worse, of the product.
 */
const STATE = Symbol.for('gatehouse.loopback-only');
const LOOPBACK =
  /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1|(::ffff:|0:0:0:0:0:ffff:)(127(\.\d{1,3}){3}|7f[0-9a-f]{2}:[0-9a-f]{1,4})|0\.0\.0\.0|::)\.?$/i;

/** Where a call of `Socket.connect` would go; undefined for pipes and unix sockets. */
function targetHost(args) {
  // net.connect() and node:http hand over their arguments already normalised into an array.
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === 'object' && first !== null) return first.path ? undefined : (first.host ?? 'localhost');
  if (typeof first === 'string' && Number.isNaN(Number(first))) return undefined;
  return typeof second === 'string' ? second : 'localhost';
}

if (Socket.prototype[STATE] === undefined) {
  const refused = [];
  const connect = Socket.prototype.connect;
  Object.defineProperty(Socket.prototype, STATE, { value: refused });
  Socket.prototype.connect = function guardedConnect(...args) {
    const host = targetHost(args);
    if (host === undefined || LOOPBACK.test(host.replace(/^\[|\]$/g, ''))) return Reflect.apply(connect, this, args);
    refused.push(host);
    const error = Object.assign(new Error(`Tests reach this machine only, not ${host}`), { code: 'ECONNREFUSED' });
    process.nextTick(() => this.destroy(error));
    return this;
  };
}

/** Hosts that were refused since the last call. */
export function takeRefusedHosts() {
  return Socket.prototype[STATE].splice(0);
}
