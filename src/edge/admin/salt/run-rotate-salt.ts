import { NestFactory } from '@nestjs/core';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { reportConfiguration } from '../../../platform/config/check-configuration.js';
import { type ConfigurationInput, loadConfiguration } from '../../../platform/config/load-configuration.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { dropStoredSecret } from '../../../platform/database/sealing-secret.js';
import { createLogger } from '../../../platform/telemetry/logger.js';
import { NestLogger } from '../../../platform/telemetry/nest-logger.js';
import { SaltRotation, type SealingCensus } from '../../../state/sealing/salt-rotation.js';
import type { ImportOutput } from '../import/run-import.js';
import { parseRotateSaltArguments, type RotateSaltRequest } from './rotate-salt-arguments.js';
import { RotateSaltModule } from './rotate-salt.module.js';

/**
 * `gatehouse rotate-salt`: its own process beside running gateways. Answers the exit code: 0 everything is sealed under
 * the present salt, 1 it is not, 2 wrong flags.
 *
 * @param input as for the gateway itself; `argv` is what follows `rotate-salt`.
 */
export async function runRotateSalt(input: ConfigurationInput, output: ImportOutput): Promise<0 | 1 | 2> {
  const parsed = parseRotateSaltArguments(input.argv);
  if (parsed.kind === 'exit') {
    if (parsed.code === 0) output.write(parsed.output);
    else output.writeError(parsed.output);
    return parsed.code;
  }
  const { request } = parsed;
  const argv = request.config === undefined ? [] : ['--config', request.config];
  const configuration = loadConfiguration({ ...input, argv });
  if (configuration.kind !== 'loaded') {
    output.writeError(reportConfiguration(configuration).output);
    return 1;
  }
  const { settings } = configuration;
  if (settings.security.saltKey === undefined) {
    output.writeError(
      'gatehouse rotate-salt: LITELLM_SALT_KEY is not set: it is what everything is to be sealed under\n',
    );
    return 1;
  }
  const logger = createLogger({ ...settings.log, level: settings.log.level === 'info' ? 'warn' : settings.log.level });
  try {
    const app = await NestFactory.createApplicationContext(RotateSaltModule.forRoot(configuration, logger), {
      abortOnError: false,
      logger: new NestLogger(logger),
    });
    try {
      return await rotate(app.get(SaltRotation), app.get(PrismaService), request, output);
    } finally {
      await app.close();
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    output.writeError(`gatehouse rotate-salt: ${error.message}\n`);
    return 1;
  }
}

async function rotate(
  rotation: SaltRotation,
  prisma: PrismaService,
  request: RotateSaltRequest,
  output: ImportOutput,
): Promise<0 | 1> {
  const before = await rotation.count(request.batch);
  for (const { name, sealed, outdated, unreadable } of before.columns) {
    output.write(`${name}: ${sealed} sealed, ${outdated} under another salt, ${unreadable} that do not open\n`);
  }
  if (before.unreadableRows.length > 0) {
    output.writeError(refusal(before));
    if (!request.skipUnreadable) return 1;
  }
  if (request.dryRun) {
    output.write('Nothing was written (--dry-run).\n');
    return 0;
  }
  const done = new Map<string, number>();
  const renewed = await rotation.renew({
    batch: request.batch,
    onProgress: (column, count) => {
      done.set(column, (done.get(column) ?? 0) + count);
      output.writeError(`${column}: ${done.get(column)} sealed anew\n`);
    },
  });
  const after = await rotation.count(request.batch);
  const left = after.columns.reduce((sum, { outdated }) => sum + outdated, 0);
  output.write(`${renewed} sealed anew under LITELLM_SALT_KEY.\n`);
  if (left > 0) {
    output.writeError(
      `${left} are still sealed under another salt: a running gateway seals under it. Start them all with the new LITELLM_SALT_KEY and repeat.\n`,
    );
    return 1;
  }
  if (request.dropDatabaseSecret) {
    const dropped = await dropStoredSecret(prisma);
    output.write(dropped ? 'The secret kept in the database was removed.\n' : 'The database kept no secret.\n');
  }
  return after.unreadableRows.length > 0 ? 1 : 0;
}

function refusal({ columns, unreadableRows }: SealingCensus): string {
  const count = columns.reduce((sum, { unreadable }) => sum + unreadable, 0);
  const rows = unreadableRows.map((row) => `  ${row}\n`).join('');
  const rest = count > unreadableRows.length ? `  and ${count - unreadableRows.length} more\n` : '';
  return `These rows open under no salt that is configured (is LITELLM_SALT_KEY_PREVIOUS the right one?):\n${rows}${rest}`;
}
