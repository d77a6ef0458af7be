import { canary, findLeaks } from '../../../test/harness/canaries.js';
import { joinSecrets, replaceSecrets, shownDefinition, splitSecrets } from './server-secrets.js';
import { ServerDefinition } from './server.definition.js';
import { validateDefinition } from './validate-definition.js';

describe('the secrets of a server', () => {
  const secrets = Array.from({ length: 9 }, (_unused, index) => `${canary(String(index))}0123456789`);
  const [value, header, variable, user, query, segment, client, listed, aws] = secrets as [string, ...string[]];
  const fields = {
    server_name: 'wiki',
    url: `https://${user}:pw@h.example/s/${segment}/mcp?key=${query}&x=`,
    auth_type: 'bearer_token',
    auth_value: value,
    client_secret: client,
    aws_secret_access_key: aws,
    static_headers: { 'X-Key': header },
    env: [{ name: 'A', value: variable, scope: 'global' }, { name: 'B' }],
    header_variables: [{ name: 'T', value: listed }],
    mcp_info: { logo_url: 'https://h/logo' },
    extra_headers: ['X-Team'],
  };

  it('are in what is sealed and nowhere in what is shown, and together they are the whole again', () => {
    const { shown, secrets: sealed } = splitSecrets(fields);
    expect(findLeaks(JSON.stringify(shown), secrets)).toEqual([]);
    expect(findLeaks(JSON.stringify(sealed), secrets)).toEqual(secrets);
    expect(sealed).not.toHaveProperty('mcp_info');
    expect(joinSecrets(shown, sealed)).toEqual(fields);
    expect(shown).toMatchObject({
      server_name: 'wiki',
      url: 'https://***@h.example/s/***/mcp?key=***&x=***',
      auth_value: '***',
      static_headers: { 'X-Key': '***' },
      env: [{ name: 'A', value: '***', scope: 'global' }, { name: 'B' }],
    });
  });

  it('a URL without any is shown as it was written', () => {
    for (const url of [
      'http://127.0.0.1:8080/mcp',
      'https://H.example',
      'https://h/modelcontextprotocol-servers/mcp',
    ]) {
      expect(splitSecrets({ url })).toEqual({ shown: { url }, secrets: {} });
    }
    expect(replaceSecrets({ spec_path: './petstore.yaml' }, () => 'x')).toEqual({ spec_path: './petstore.yaml' });
  });

  it('are not shown of a definition of the file either', () => {
    const { value: definition } = validateDefinition(ServerDefinition, fields);
    const shown = shownDefinition(definition);
    expect(findLeaks(JSON.stringify(shown), secrets)).toEqual([]);
    expect(shown).toEqual(splitSecrets(fields).shown);
  });
});
