import { NestFactory } from '@nestjs/core';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { reportConfiguration } from '../../../platform/config/check-configuration.js';
import { type ConfigurationInput, loadConfiguration } from '../../../platform/config/load-configuration.js';
import { createLogger } from '../../../platform/telemetry/logger.js';
import { NestLogger } from '../../../platform/telemetry/nest-logger.js';
import { parseImportArguments } from './import-arguments.js';
import { LitellmImport } from './import-litellm.service.js';
import { ImportModule } from './import.module.js';

export interface ImportOutput {
  /** What the command has to say. */
  write(text: string): void;
  /** Progress, and why it failed. */
  writeError(text: string): void;
}

/**
 * `gatehouse import litellm …`: its own process beside running gateways, which hear of what it writes. Answers the exit
 * code: 0 done, 1 failed, 2 wrong flags.
 *
 * @param input as for the gateway itself; `argv` is what follows `import`.
 */
export async function runImport(input: ConfigurationInput, output: ImportOutput): Promise<0 | 1 | 2> {
  const parsed = parseImportArguments(input.argv, input.env);
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
  const logger = createLogger({ ...settings.log, level: settings.log.level === 'info' ? 'warn' : settings.log.level });
  try {
    const app = await NestFactory.createApplicationContext(ImportModule.forRoot(configuration, logger), {
      abortOnError: false,
      logger: new NestLogger(logger),
    });
    try {
      const report = await app.get(LitellmImport).run(request, (line) => output.writeError(`${line}\n`));
      output.write(report.format(request.dryRun));
      if (settings.registry.storageOff !== undefined) {
        output.write(`Servers of the database are not served: ${settings.registry.storageOff}\n`);
      }
      return 0;
    } finally {
      await app.close();
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    output.writeError(`gatehouse import: ${error.message}\n`);
    return 1;
  }
}
