import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { GeneralSettingsDefinition } from '../../core/definition/general-settings.definition.js';
import { LitellmSettingsDefinition } from '../../core/definition/litellm-settings.definition.js';
import { ServerDefinition } from '../../core/definition/server.definition.js';
import { fieldNames } from '../../core/definition/validate-definition.js';
import { loadConfiguration } from './load-configuration.js';
import { PROJECT_ROOT } from './project-root.js';

const FILE = join(PROJECT_ROOT, 'test/factory/litellm-full-config.yaml');
const env = {
  LITELLM_MASTER_KEY: 'sk-0123456789abcdef',
  DATABASE_URL: 'postgresql://u:p@db/d',
  GH_TOKEN: 'gh-token',
  EXTRA_HEADER: 'x-extra',
  API_VERSION: '7',
  FILES_PACKAGE: 'files-server',
  FILES_TOKEN: 'files-token',
  KEYED_TOKEN: 'keyed-token',
  OAUTH_CLIENT_ID: 'id',
  OAUTH_CLIENT_SECRET: 'secret',
  OAUTH_SCOPE: 'write',
  JAG_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----',
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 'aws-secret',
  AWS_SESSION_TOKEN: 'aws-session',
};

function load() {
  const outcome = loadConfiguration({ argv: ['--config', FILE], env, cwd: PROJECT_ROOT });
  if (outcome.kind !== 'loaded') throw new Error(JSON.stringify(outcome));
  return outcome;
}

describe('a whole file of the incumbent', () => {
  it('loads unchanged: every documented field is known', () => {
    const { problems, declared } = load();
    expect(problems.filter(({ message }) => message.includes('unknown'))).toEqual([]);
    expect(declared.servers.map(({ name, alias }) => [name, alias]).slice(0, 2)).toEqual([
      ['github_server', 'gh'],
      ['files', 'fs'],
    ]);
    expect(declared.servers).toHaveLength(22);
  });

  it('is a test of all of them', () => {
    const file = parse(readFileSync(FILE, 'utf8')) as Record<
      'general_settings' | 'litellm_settings' | 'mcp_servers',
      object
    >;
    const used = (sections: readonly object[]) => new Set(sections.flatMap((section) => Object.keys(section)));
    const ours = [
      'id',
      'server_id',
      'server_name',
      'timeout',
      'cwd',
      'isolation',
      'mcp_access_groups',
      'oauth_token_mode',
      'identity_header',
      'protocol_era',
    ];
    expect([...used(Object.values(file.mcp_servers)), ...ours]).toEqual(
      expect.arrayContaining([...fieldNames(ServerDefinition)]),
    );
    expect([...used([file.litellm_settings])]).toEqual(
      expect.arrayContaining([...fieldNames(LitellmSettingsDefinition)]),
    );
    const oursGeneral = [
      'limits',
      'stdio',
      'mcp_tool_prefix',
      'allowed_hosts',
      'allowed_origins',
      'ledger_retention_days',
      'health_check_interval',
      'jwt_auth',
      'public_docs',
      'identity_header',
      'replica_url',
      'oauth',
    ];
    expect([...used([file.general_settings]), ...oursGeneral]).toEqual(
      expect.arrayContaining([...fieldNames(GeneralSettingsDefinition)]),
    );
  });

  it('sums up what is not about MCP in a line each', () => {
    const notes = load().problems.filter(({ severity }) => severity === 'note');
    expect(notes.map(({ message }) => message)).toEqual([
      'not used by the MCP gateway: model_list, router_settings, guardrails',
      'not used by the MCP gateway: proxy_batch_write_at',
      'not used by the MCP gateway: drop_params',
    ]);
  });

  it('says of every server that needs a later version that it is set aside', () => {
    const aside = load().problems.filter(({ message }) => message.includes('set aside'));
    expect(aside.map(({ field }) => field?.split('.')[1])).toEqual([
      'id_jag',
      'passthrough',
      'delegated',
      'delegated_old',
      'petstore',
    ]);
  });
});
