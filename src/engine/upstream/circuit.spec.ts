import { Circuit } from './circuit.js';

function setUp(): { circuit: Circuit; pass: (ms: number) => void; failHard: (times: number) => void } {
  let now = 0;
  const circuit = new Circuit({ now: () => now, random: () => 0.5 });
  const pass = (ms: number): void => {
    now += ms;
  };
  const failHard = (times: number): void => {
    for (let count = 0; count < times; count += 1) {
      pass(500);
      circuit.fail('hard');
    }
  };
  return { circuit, pass, failHard };
}

test('three failures to connect in a row shut callers out', () => {
  const { circuit, failHard } = setUp();
  failHard(2);
  expect(circuit.admit()).toBe('go');
  failHard(1);
  expect(circuit.admit()).toBe('refused');
});

test('a success between failures starts the count anew', () => {
  const { circuit, failHard } = setUp();
  failHard(2);
  circuit.succeed();
  failHard(2);
  expect(circuit.admit()).toBe('go');
});

test('slow calls open it only after many, and one good answer forgives them', () => {
  const { circuit, pass } = setUp();
  const slow = (times: number): void => {
    for (let count = 0; count < times; count += 1) {
      pass(60_000);
      circuit.fail('soft');
    }
  };
  slow(9);
  expect(circuit.admit()).toBe('go');
  circuit.succeed();
  slow(9);
  expect(circuit.admit()).toBe('go');
  slow(1);
  expect(circuit.admit()).toBe('refused');
});

test('a hundred sockets lost at the same moment are one failure', () => {
  const { circuit } = setUp();
  for (let count = 0; count < 100; count += 1) circuit.fail('hard');
  expect(circuit.admit()).toBe('go');
});

test('one caller at a time finds out whether the server is back', () => {
  const { circuit, pass, failHard } = setUp();
  failHard(3);
  pass(1_000);
  expect([circuit.admit(), circuit.admit()]).toEqual(['probe', 'refused']);
  circuit.release();
  expect([circuit.admit(), circuit.admit()]).toEqual(['probe', 'refused']);
  circuit.succeed();
  expect([circuit.admit(), circuit.admit()]).toEqual(['go', 'go']);
});

test('the wait doubles with each failed probe up to half a minute, and starts over after a success', () => {
  const { circuit, pass, failHard } = setUp();
  failHard(3);
  const waits: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    waits.push(circuit.opensInMs);
    pass(circuit.opensInMs);
    expect(circuit.admit()).toBe('probe');
    circuit.fail('soft');
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  pass(30_000);
  circuit.admit();
  circuit.succeed();
  failHard(3);
  expect(circuit.opensInMs).toBe(1_000);
});

test('a server that opens sessions and then fails each call is shut out again after one', () => {
  const { circuit, pass, failHard } = setUp();
  failHard(3);
  pass(1_000);
  circuit.admit();
  circuit.reach();
  expect(circuit.admit()).toBe('go');
  pass(500);
  circuit.fail('hard');
  expect(circuit.admit()).toBe('refused');
  expect(circuit.opensInMs).toBe(2_000);
});

test('calls that began before it opened do not prolong it', () => {
  const { circuit, failHard } = setUp();
  failHard(3);
  const before = circuit.opensInMs;
  circuit.fail('hard');
  expect(circuit.opensInMs).toBe(before);
});
