// Preloaded into what the launcher starts: a pipe from the launcher closes when the launcher is gone, whatever took it.
import cluster from 'node:cluster';
import { Socket } from 'node:net';

const fd = Number(process.env.GATEHOUSE_PARENT_FD);
delete process.env.GATEHOUSE_PARENT_FD;

// Workers of a cluster inherit this preload, not the pipe; their primary looks after them.
if (cluster.isPrimary && Number.isInteger(fd) && fd > 2) {
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.on('error', () => undefined);
  pipe.once('close', () => process.kill(process.pid, 'SIGTERM'));
  pipe.resume();
  pipe.unref();
}
