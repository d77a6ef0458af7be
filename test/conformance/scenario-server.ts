import { randomBytes } from 'node:crypto';

/**
 * Makes the server of a scenario, whose URL the suite gives as the last argument, a server of the gateway that
 * `GATEHOUSE_URL` and `GATEHOUSE_KEY` name, for as long as `use` takes; `fields` are added to its definition.
 */
export async function withScenarioServer(
  fields: object,
  use: (endpoint: URL, key: string) => Promise<void>,
): Promise<void> {
  const { GATEHOUSE_URL: gateway = '', GATEHOUSE_KEY: key = '' } = process.env;
  const manage = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await fetch(`${gateway}/v1/mcp/server${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  };
  const name = `scenario_${randomBytes(6).toString('hex')}`;
  const url = process.argv.at(-1);
  await manage('POST', '', { server_name: name, server_id: name, transport: 'http', url, ...fields });
  try {
    await use(new URL(`${gateway}/mcp/${name}`), key);
  } finally {
    await manage('DELETE', `/${name}`);
  }
}
