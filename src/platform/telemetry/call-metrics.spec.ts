import { CallMetrics } from './call-metrics.js';
import { Metrics } from './metrics.js';

async function lines(metrics: Metrics): Promise<readonly string[]> {
  const { text } = await metrics.expose();
  return text.split('\n').filter((line) => line.startsWith('gatehouse_'));
}

describe('calls as metrics', () => {
  test('are counted by method, server and outcome, and timed in buckets over all outcomes', async () => {
    const metrics = new Metrics();
    const calls = new CallMetrics(metrics);
    calls.observe('tools/call', 'github', 'ok', 4);
    calls.observe('tools/call', 'github', 'tool_error', 40);
    calls.observe('tools/call', 'github', 'ok', 1_000_000);
    const text = await lines(metrics);
    expect(text).toContain('gatehouse_calls_total{method="tools/call",server="github",outcome="ok"} 2');
    expect(text).toContain('gatehouse_calls_total{method="tools/call",server="github",outcome="tool_error"} 1');
    const bucket = (le: string): string =>
      `gatehouse_call_duration_seconds_bucket{le="${le}",method="tools/call",server="github"}`;
    expect(text).toContain(`${bucket('0.0025')} 0`);
    expect(text).toContain(`${bucket('0.005')} 1`);
    expect(text).toContain(`${bucket('0.05')} 2`);
    expect(text).toContain(`${bucket('300')} 2`);
    expect(text).toContain(`${bucket('+Inf')} 3`);
    expect(text).toContain('gatehouse_call_duration_seconds_count{method="tools/call",server="github"} 3');
  });

  test('what clients make up cannot grow the number of series', async () => {
    const metrics = new Metrics();
    const calls = new CallMetrics(metrics);
    for (let each = 0; each < 20_000; each += 1) calls.observe(`made/up-${each}`, undefined, 'rpc/method_not_found', 1);
    for (let each = 0; each < 20_000; each += 1) calls.observe('tools/call', `server-${each}`, 'ok', 1);
    for (let each = 0; each < 20_000; each += 1) calls.observeList(`server-${each}`, 'ok');
    const text = await lines(metrics);
    const count = (name: string): number => text.filter((line) => line.startsWith(`${name}{`)).length;
    expect(text).toContain('gatehouse_calls_total{method="other",server="",outcome="rpc/method_not_found"} 20000');
    expect(count('gatehouse_calls_total')).toBeLessThanOrEqual(5_002);
    expect(count('gatehouse_list_outcomes_total')).toBeLessThanOrEqual(5_002);
  });

  test('two gateways in one process keep their own, and name a metric twice only in error', async () => {
    const [one, two] = [new Metrics(), new Metrics()];
    new CallMetrics(one).observe('ping', undefined, 'ok', 1);
    expect(await lines(two)).toEqual([]);
    one.registerGauge('gatehouse_depth', 'x', () => 1);
    expect(() => one.registerGauge('gatehouse_depth', 'x', () => 1)).toThrow(/already/);
    two.registerCounter('gatehouse_total', 'x', () => 7);
    expect(await lines(two)).toEqual(['gatehouse_total 7']);
    expect(await lines(two)).toEqual(['gatehouse_total 7']);
  });
});
