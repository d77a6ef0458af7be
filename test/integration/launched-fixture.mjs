// Stands in for the gateway: says who it is, and ends in order with a code of its own when it is told to.
process.on('SIGTERM', () => {
  console.log('stopped in order');
  process.exit(7);
});
process.on('SIGINT', () => console.log('interrupted'));
setInterval(() => {}, 60_000);
console.log(JSON.stringify({ pid: process.pid, version: process.version }));
