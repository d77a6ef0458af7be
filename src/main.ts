import 'reflect-metadata';
import cluster from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { bootstrap, type RunningGateway } from './bootstrap.js';
import { runPrimary } from './cluster/run-primary.js';
import { obeyPrimary, tellPrimary } from './cluster/run-worker.js';
import type { WorkerMessage } from './cluster/worker-message.js';
import { readWorkerPlace } from './cluster/worker-place.js';
import { startDemoUpstreams, type RunningDemo } from './demo-upstreams.js';
import { GatewayError } from './core/errors/gateway-error.js';
import { runImport } from './edge/admin/import/run-import.js';
import { runRotateSalt } from './edge/admin/salt/run-rotate-salt.js';
import { WarmUp, type WarmUpReport } from './engine/catalog/warm-up.js';
import { reportConfiguration } from './platform/config/check-configuration.js';
import { formatProblems } from './platform/config/format-problems.js';
import { type ConfigurationOutcome, loadConfiguration } from './platform/config/load-configuration.js';
import { readVersion } from './platform/config/project-root.js';
import type { Settings } from './platform/config/settings.js';
import { createLogger } from './platform/telemetry/logger.js';
import { leave, shutDownOnSignals } from './shut-down-once.js';
import { readyMessage, startUpMessage } from './start-up-message.js';
import { Authenticator } from './state/identity/authenticator.js';

/** How long the start-up message waits for the servers. They go on being asked. */
const WARM_UP_WAIT_MS = 15_000;

const surroundings = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  isTerminal: process.stderr.isTTY,
};

const [command, ...commandArguments] = surroundings.argv;
if (command === 'import' || command === 'rotate-salt') {
  const run = command === 'import' ? runImport : runRotateSalt;
  process.exitCode = await run(
    { ...surroundings, argv: commandArguments },
    { write: (text) => process.stdout.write(text), writeError: (text) => process.stderr.write(text) },
  );
} else await runGateway();

type Loaded = Extract<ConfigurationOutcome, { kind: 'loaded' }>;

async function runGateway(): Promise<void> {
  const configuration = loadConfiguration(surroundings);
  if (configuration.kind !== 'loaded' || configuration.checkOnly) {
    const { code, output } = reportConfiguration(configuration);
    (code === 0 ? process.stdout : process.stderr).write(output);
    process.exitCode = code;
    return;
  }
  const { settings, source } = configuration;
  // What is to be said of the file is in the log, where its later changes are too.
  const problems = configuration.problems.filter((problem) => !source.initial.problems.includes(problem));
  const logger = createLogger(settings.log);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'a defect of the gateway ended the process');
    process.exit(1);
  });
  try {
    if (cluster.isWorker) await serveAsWorker(configuration, logger);
    else {
      if (problems.length > 0) process.stderr.write(formatProblems(problems));
      await (settings.listen.workers > 1 ? serveAsPrimary(settings, logger) : serveAlone(configuration, logger));
    }
  } catch (error) {
    reportFailedStart(error, logger);
  }
}

async function serveAlone(loaded: Loaded, logger: Logger): Promise<void> {
  const demo = startDemo(loaded.settings, logger);
  const starting = bootstrap(loaded);
  // A signal during the start ends it as soon as there is something to close.
  shutDownOnSignals(
    async () => {
      await (await starting).close();
      await (await demo)?.close();
      return true;
    },
    (error) => logger.error({ err: error }, 'the shutdown failed'),
  );
  const gateway = await starting;
  announce(loaded.settings, gateway.url, firstRunKey(gateway));
  await demo;
  const report = await warmUp(gateway);
  if (report !== undefined) process.stdout.write(readyMessage(report));
}

async function serveAsWorker(loaded: Loaded, logger: Logger): Promise<void> {
  const starting = bootstrap(loaded, { worker: readWorkerPlace(process.env) });
  obeyPrimary(
    async () => (await starting).close(),
    (error) => logger.error({ err: error }, 'the shutdown failed'),
  );
  const gateway = await starting;
  tellPrimary({ kind: 'gatehouse:listening', url: gateway.url, firstRunKey: firstRunKey(gateway) });
  const report = await warmUp(gateway);
  if (report !== undefined) tellPrimary({ kind: 'gatehouse:warm', ...report });
}

async function serveAsPrimary(settings: Settings, logger: Logger): Promise<void> {
  const listening = new Set<number>();
  let key: string | undefined;
  let announced = false;
  let warm = false;
  const onMessage = (message: WorkerMessage, index: number): void => {
    switch (message.kind) {
      case 'gatehouse:listening':
        listening.add(index);
        key ??= message.firstRunKey;
        if (listening.size === settings.listen.workers && !announced) {
          announced = true;
          announce(settings, message.url, key);
        }
        break;
      case 'gatehouse:warm':
        if (announced && !warm) {
          warm = true;
          process.stdout.write(readyMessage(message));
        }
        break;
      case 'gatehouse:failed':
        // Before the first announcement a reason that stops one worker stops them all.
        if (announced) break;
        announced = true;
        process.stderr.write(`gatehouse: ${message.reason}\n`);
        void starting.then((primary) => primary.stop()).finally(() => leave(1));
    }
  };
  const demo = startDemo(settings, logger);
  const starting = demo.then(() => runPrimary(settings, logger, onMessage));
  shutDownOnSignals(
    async () => {
      const orderly = await (await starting).stop();
      await (await demo)?.close();
      return orderly;
    },
    (error) => logger.error({ err: error }, 'the shutdown failed'),
  );
  await starting;
}

/** The example that ships comes with remote servers to try; nobody else's configuration does. */
function startDemo(settings: Settings, logger: Logger): Promise<RunningDemo | undefined> {
  if (!settings.config.isShippedExample) return Promise.resolve(undefined);
  return startDemoUpstreams(logger.child({ room: 'demo' }));
}

function announce(settings: Settings, url: string, key: string | undefined): void {
  process.stdout.write(
    startUpMessage({
      url: settings.door.baseUrl ?? `${url}${settings.door.rootPath}`,
      version: readVersion(),
      configPath: settings.config.path,
      isShippedExample: settings.config.isShippedExample,
      workers: settings.listen.workers,
      firstRunKey: key,
      hasConfiguredKey: settings.security.masterKey !== undefined,
    }),
  );
}

function firstRunKey(gateway: RunningGateway): string | undefined {
  return gateway.app.get(Authenticator, { strict: false }).takeFirstRunKey();
}

/** Undefined when the servers take longer than anybody wants to wait. */
async function warmUp(gateway: RunningGateway): Promise<WarmUpReport | undefined> {
  const run = gateway.app.get(WarmUp, { strict: false }).run();
  return Promise.race([run, delay(WARM_UP_WAIT_MS, undefined, { ref: false })]);
}

/** What a person can act on is one sentence; anything else is a defect and goes to the log with its stack. */
function reportFailedStart(error: unknown, logger: Logger): void {
  if (error instanceof GatewayError) {
    if (cluster.isWorker) tellPrimary({ kind: 'gatehouse:failed', reason: error.message });
    else process.stderr.write(`gatehouse: ${error.message}\n`);
    logger.debug({ err: error }, 'the start failed');
  } else {
    logger.fatal({ err: error }, 'the start failed');
    if (cluster.isWorker) tellPrimary({ kind: 'gatehouse:failed', reason: 'the start failed; see the log' });
  }
  leave(1);
}
