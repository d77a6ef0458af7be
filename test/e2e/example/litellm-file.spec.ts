import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startGatewayProcess } from '../../harness/gateway-process.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const FILE = readFileSync(join(import.meta.dirname, '../../factory/litellm-full-config.yaml'), 'utf8');

/** Every variable the file refers to, except those of sections that are not read. */
const ENV = Object.fromEntries(
  [...FILE.matchAll(/os\.environ\/([A-Z_]+)/g)]
    .map(([, name = '']) => [name, name.includes('HEADER') ? 'x-extra' : `value-of-${name.toLowerCase()}`] as const)
    .filter(([name]) => !['NOT_SET_AND_NOT_NEEDED', 'LITELLM_MASTER_KEY', 'DATABASE_URL'].includes(name)),
);

/** Its reference, field by field: what `mcp_servers.<name>`, `litellm_settings` and `general_settings` may hold. */
const DOCUMENTED = {
  server: `alias url transport command args env description auth_type auth_value authentication_token client_id
    client_secret scopes authorization_url token_url registration_url oauth2_flow extra_headers static_headers
    allowed_tools disallowed_tools allowed_params access_groups allow_all_keys available_on_public_internet spec_path
    mcp_info instructions tool_name_to_display_name tool_name_to_description pinned_tools is_byok byok_description
    byok_api_key_help_url aws_access_key_id aws_secret_access_key aws_session_token aws_region_name aws_service_name
    aws_role_name aws_session_name token_exchange_endpoint audience subject_token_type token_exchange_profile
    token_validation token_storage_ttl_seconds upstream_token_header upstream_resource dcr_bridge
    token_endpoint_auth_method id_jag_resource_token_endpoint id_jag_resource client_private_key client_private_key_id
    client_assertion_signing_alg redirect_uris header_variables delegate_auth_to_upstream short_prefix source_url
    spec_version`,
  litellm_settings: `mcp_aliases public_mcp_servers mcp_semantic_tool_filter mcp_tool_search store_audit_logs callbacks`,
  general_settings: `master_key store_model_in_db supported_db_objects user_mcp_management_mode enable_mcp_registry
    mcp_client_side_auth_header_name mcp_internal_ip_ranges mcp_trusted_proxy_ranges use_x_forwarded_for
    mcp_required_fields require_end_user_mcp_access_defined require_key_mcp_access_defined mcp_allowed_clients
    mcp_client_id_header mcp_advertised_versions mcp_tool_search_enabled allow_requests_on_db_unavailable
    enforce_user_param`,
  auth_type: `none api_key bearer_token basic authorization token oauth2 oauth2_token_exchange oauth2_id_jag aws_sigv4
    true_passthrough oauth_delegate`,
};
const names = (list: string): string[] => list.split(/\s+/);

interface LitellmFile {
  readonly mcp_servers: Readonly<Record<string, { readonly auth_type?: string }>>;
  readonly litellm_settings: object;
  readonly general_settings: object;
}

describe('a file with every field that LiteLLM documents', () => {
  test('has every field', () => {
    const { mcp_servers, litellm_settings, general_settings } = parse(FILE) as LitellmFile;
    const servers = Object.values(mcp_servers);
    expect(servers.flatMap((server) => Object.keys(server))).toEqual(expect.arrayContaining(names(DOCUMENTED.server)));
    expect(servers.map((server) => server.auth_type)).toEqual(expect.arrayContaining(names(DOCUMENTED.auth_type)));
    for (const [section, documented] of [
      [litellm_settings, DOCUMENTED.litellm_settings],
      [general_settings, DOCUMENTED.general_settings],
    ] as const) {
      expect(Object.keys(section)).toEqual(expect.arrayContaining(names(documented)));
    }
  });

  test('is valid to --check, without a database or a network', async () => {
    const check = await startGatewayProcess({
      config: FILE,
      args: ['--check'],
      env: { ...ENV, DATABASE_URL: 'postgresql://nobody:x@127.0.0.1:1/none' },
      until: 'started',
    });
    const { code } = await check.exited;
    expect(check.output()).toMatch(/is valid: \d+ servers/);
    expect(check.output()).not.toMatch(/unknown field|^error/m);
    expect(code).toBe(0);
    await check.close();
  });

  describe('running', () => {
    let upstream: FakeUpstream;
    let gateway: TestGateway;

    beforeAll(async () => {
      upstream = await fakeUpstream({ tools: [{ name: 'search_issues', inputSchema: { type: 'object' } }] });
      // The one that stands for a real server is on this machine; all others stay as they are and out of reach.
      const config = FILE.replace('url: https://example.invalid/mcp\n', `url: ${upstream.url}\n`);
      gateway = await startGateway({ config, env: ENV });
    });

    afterAll(async () => {
      await gateway.close();
      await upstream.close();
    });

    test('serves what it can, with the fields applied', async () => {
      const url = `${gateway.url}/mcp/gh`;
      const { key } = gateway;
      const listed = await rpc(url, 'tools/list', {}, { key });
      expect(listed.message?.result?.['tools']).toMatchObject([{ name: 'search_issues' }]);
      const headers = { 'x-tenant': 'mine', 'x-extra': 'too', 'x-not-named': 'no' };
      const call = { name: 'search_issues', arguments: { query: 'x' } };
      expect((await rpc(url, 'tools/call', call, { key, headers })).message?.result).toBeDefined();
      expect(upstream.seen('tools/call')[0]?.headers).toMatchObject({
        authorization: `Bearer ${ENV['GH_TOKEN']}`,
        'x-team': 'platform',
        'x-api-version': ENV['API_VERSION'],
        'x-tenant': 'mine',
        'x-extra': 'too',
      });
      expect(upstream.seen('tools/call')[0]?.headers['x-not-named']).toBeUndefined();
      const refused = await rpc(url, 'tools/call', { ...call, arguments: { other: 1 } }, { key });
      expect(refused.message?.error).toMatchObject({ code: -32602 });
      const initialized = await rpc(
        url,
        'initialize',
        { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } },
        { key },
      );
      expect(JSON.stringify(initialized.message?.result)).toContain('Ask for one repository at a time.');
    });

    test('says of every other server why it is not served', async () => {
      const answer = await fetch(`${gateway.url}/health`, { headers: { 'x-litellm-api-key': gateway.key } });
      const { servers, rejected } = (await answer.json()) as { servers: object[]; rejected: object[] };
      const declared = Object.keys((parse(FILE) as LitellmFile).mcp_servers);
      expect(servers.length + rejected.length).toBe(declared.length);
      expect(JSON.stringify(rejected)).toMatch(/spec_path/);
      expect(gateway.logs()).not.toMatch(new RegExp(Object.values(ENV).join('|').replace('x-extra|', '')));
    });
  });
});
