const whole = (value) => Math.round(value).toLocaleString('en-US');
const ms = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(1));
const ratio = (value) => value.toFixed(2);

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

/** Rows of `tools/call`, each compared with direct and bare proxy at the same number of connections. */
export function callTable(rows) {
  const at = (name, connections) => rows.find((row) => row.name === name && row.connections === connections);
  return table(
    [
      '',
      'connections',
      'req/s',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'added p50 ms',
      'CPU µs/req',
      'RSS MiB',
      '÷ proxy',
      '÷ direct',
    ],
    rows.map((row) => {
      const direct = at('direct', row.connections);
      const proxy = at('bare proxy', row.connections);
      return [
        row.name,
        row.connections,
        whole(row.perSecond),
        ms(row.p50),
        ms(row.p95),
        ms(row.p99),
        row === direct ? '' : ms(row.p50 - direct.p50),
        whole(row.cpuUs),
        whole(row.rssMiB),
        row === direct ? '' : ratio(row.perSecond / proxy.perSecond),
        row === direct ? '' : ratio(row.perSecond / direct.perSecond),
      ];
    }),
  );
}

export function listTable(rows) {
  return table(
    ['servers', 'tools', 'KiB', 'connections', 'req/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU µs/req', 'RSS MiB'],
    rows.map((row) => [
      row.servers,
      whole(row.tools),
      whole(row.kib),
      row.connections,
      whole(row.perSecond),
      ms(row.p50),
      ms(row.p95),
      ms(row.p99),
      whole(row.cpuUs),
      whole(row.rssMiB),
    ]),
  );
}
