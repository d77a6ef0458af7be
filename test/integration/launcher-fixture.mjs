// Stands in for the launcher: starts the program named in its argument the way `npm start` starts the gateway.
import { forwardSignals, startNode } from '../../scripts/run-child.mjs';

const { child, ended } = startNode([process.argv[2]]);
forwardSignals(() => child);
const { code, signal } = await ended;
if (signal !== null) process.kill(process.pid, signal);
process.exitCode = code ?? 1;
