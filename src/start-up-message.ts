/** What a start has to say to whoever typed the command. */
export interface StartUpFacts {
  readonly url: string;
  readonly version: string;
  readonly configPath: string;
  readonly isShippedExample: boolean;
  /** Processes serving. */
  readonly workers: number;
  /** The master key, when it was made on this start: shown this once. */
  readonly firstRunKey: string | undefined;
  /** The key came from outside (environment or file). */
  readonly hasConfiguredKey: boolean;
}

export interface ReadyServers {
  readonly ready: number;
  readonly total: number;
  readonly failures: Readonly<Record<string, string>>;
}

/** Where it listens, with which configuration and key, and the call to try. Ends with a line break. */
export function startUpMessage(facts: StartUpFacts): string {
  const { url, version, workers, firstRunKey } = facts;
  const key = firstRunKey ?? (facts.hasConfiguredKey ? '$LITELLM_MASTER_KEY' : '$GATEHOUSE_KEY');
  return [
    '',
    `Gatehouse ${version} listens on ${url}${workers > 1 ? ` with ${workers} processes` : ''}`,
    `  configuration  ${facts.configPath}`,
    ...(facts.isShippedExample
      ? ['                 (the example that ships, with its demo servers; write a config.yaml of your own)']
      : []),
    ...(firstRunKey === undefined
      ? []
      : [
          `  master key     ${firstRunKey}`,
          '                 (made on this first start and shown this once: keep it)',
        ]),
    ...(firstRunKey === undefined && !facts.hasConfiguredKey
      ? ['  master key     the one shown on the first start']
      : []),
    '  try it         ' +
      [
        `curl -s ${url}/mcp`,
        `-H "x-litellm-api-key: Bearer ${key}"`,
        `-H "Content-Type: application/json"`,
        `-d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
      ].join(' '),
    '',
  ].join('\n');
}

/** How many servers answer, and why the others do not. */
export function readyMessage({ ready, total, failures }: ReadyServers): string {
  const lines = Object.entries(failures).map(([name, reason]) => `                 ${name}: ${reason}`);
  return [`  servers        ${ready} of ${total} ready`, ...lines, ''].join('\n');
}
