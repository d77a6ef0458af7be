import { inspect } from 'node:util';
import { Secret } from '../model/secret.js';
import { fieldNames, validateDefinition } from './validate-definition.js';
import { ServerDefinition } from './server.definition.js';

/** `path: message` of every problem, warnings marked. */
function problemsOf(raw: Record<string, unknown>): readonly string[] {
  return validateDefinition(ServerDefinition, raw).problems.map(
    ({ path, message, severity }) => `${severity === 'error' ? '' : `(${severity}) `}${path.join('.')}: ${message}`,
  );
}

describe('the definition of a server', () => {
  it.each<[string, Record<string, unknown>]>([
    ['nothing at all', {}],
    ['null for any field, which is the same as leaving it out', { url: null, args: null, env: null, mcp_info: null }],
    ['empty texts, as exports have them', { url: '', command: '', alias: '' }],
    [
      'truth values as environment variables spell them',
      { allow_all_keys: 'yes', available_on_public_internet: 'false' },
    ],
    ['numbers as environment variables spell them', { timeout: '2.5' }],
    ['variables as a list', { env: [{ name: 'A', value: 'b', scope: 'global' }] }],
    ['free-form facts', { mcp_info: { owner: { pager: [1] }, mcp_server_cost_info: { default_cost_per_query: 0 } } }],
    ['a header with an empty value', { static_headers: { 'X-Empty': '' } }],
  ])('accepts %s', (_, raw) => {
    expect(problemsOf(raw)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['a number for text', { auth_value: 12345 }, ['auth_value: must be a string: put it in quotes']],
    ['an empty credential', { auth_value: '' }, ['auth_value: must not be empty']],
    [
      'a line break in a credential',
      { auth_value: 'a\r\nX-Evil: 1' },
      ['auth_value: must not contain line breaks or control characters'],
    ],
    [
      'a line break in a header',
      { static_headers: { A: 'b\nc' } },
      ['static_headers.A: must not contain line breaks or control characters'],
    ],
    ['a header name that is none', { extra_headers: ['x y'] }, ['extra_headers.0: must be a valid header name']],
    [
      'text for a list',
      { allowed_tools: 'search' },
      ['allowed_tools: must be a list: write [value], or one "- value" per line'],
    ],
    [
      'every bad item of a list',
      { args: ['a', 1, null] },
      ['args.1: must be a string: put it in quotes', 'args.2: must be a string'],
    ],
    [
      'a bad item two levels down',
      { allowed_params: { t: ['a', 2] } },
      ['allowed_params.t.1: must be a string: put it in quotes'],
    ],
    ['a number as a variable', { env: { PORT: 3000 } }, ['env.PORT: must be a string: put it in quotes']],
    ['a variable without a name', { env: [{ value: 'x' }] }, ['env.0.name: must be the name of a variable']],
    ['a scope nobody knows', { env: [{ name: 'A', scope: 'user' }] }, ['env.0.scope: must be one of global, per_user']],
    ['another scheme', { url: 'file:///etc/passwd' }, ['url: must be an http or https URL']],
    ['no URL', { url: 'example.com/mcp' }, ['url: must be a URL such as https://host/path']],
    ['a misspelt choice', { transport: 'htpp' }, ['transport: must be one of http, sse, stdio; did you mean "http"?']],
    [
      'a price that is none',
      { mcp_info: { mcp_server_cost_info: { default_cost_per_query: 'x' } } },
      ['mcp_info.mcp_server_cost_info.default_cost_per_query: must be a number of USD from 0 to 1000000'],
    ],
    ['text where facts belong', { mcp_info: 'GitHub' }, ['mcp_info: must be a mapping (name: value)']],
    ['no time at all', { timeout: 0 }, ['timeout: must be a number of seconds from 0.1 to 86400']],
    ['a truth value that is none', { allow_all_keys: 'maybe' }, ['allow_all_keys: must be true or false']],
  ])('refuses %s', (_, raw, expected) => {
    expect(problemsOf(raw)).toEqual(expected);
  });

  it('warns of a field it does not know, and of the one that was meant', () => {
    expect(problemsOf({ url: 'http://h', allowed_tool: ['a'], flavour: 'x' })).toEqual([
      '(warning) allowed_tool: unknown field, ignored; did you mean "allowed_tools"?',
      '(warning) flavour: unknown field, ignored',
    ]);
  });

  it('reports all problems at once', () => {
    expect(problemsOf({ url: 1, args: 'x', auth_type: 'y', static_headers: [] })).toHaveLength(4);
  });

  it('keeps names of variables that objects usually own', () => {
    const { value, problems } = validateDefinition(
      ServerDefinition,
      JSON.parse('{"command":"x","env":{"__proto__":"a","constructor":"b"}}') as Record<string, unknown>,
    );
    expect(problems).toEqual([]);
    expect(Object.keys(value.env ?? {})).toEqual(['__proto__', 'constructor']);
  });

  it('puts every secret into a Secret, and prints none of what was written (defect 54)', () => {
    const secrets = Object.fromEntries(
      [
        'auth_value',
        'authentication_token',
        'client_secret',
        'client_private_key',
        'aws_access_key_id',
        'aws_secret_access_key',
        'aws_session_token',
      ].map((field) => [field, `canary-${field}`]),
    );
    const { value, problems } = validateDefinition(ServerDefinition, {
      ...secrets,
      url: 'https://user:canary-url@host/',
      args: ['canary-args'],
      env: { A: 'canary-env' },
      static_headers: { A: 'canary-header' },
    });
    expect(problems).toEqual([]);
    for (const field of Object.keys(secrets)) expect(value[field as keyof ServerDefinition]).toBeInstanceOf(Secret);
    expect(value.env).toEqual({ A: expect.any(Secret) });
    expect(value.static_headers).toEqual({ A: expect.any(Secret) });
    expect(`${JSON.stringify({ value })}${inspect({ value }, { depth: 9 })}${inspect(value)}`).not.toContain('canary');
  });

  it('says nothing of the values it refuses (defect 54)', () => {
    const bad = 'canary-value';
    const lists = { args: bad, scopes: bad, allowed_tools: [{ bad }], extra_headers: [`${bad} x`] };
    const others = {
      url: bad,
      auth_type: bad,
      transport: bad,
      timeout: bad,
      allow_all_keys: bad,
      mcp_info: bad,
      env: bad,
    };
    const { problems } = validateDefinition(ServerDefinition, { ...lists, ...others, auth_value: `${bad}\n` });
    expect(problems.length).toBeGreaterThan(10);
    expect(JSON.stringify(problems)).not.toContain(bad);
  });

  it('knows every field of the documented file format', () => {
    const documented = `alias url transport command args env description auth_type auth_value authentication_token client_id
      client_secret scopes authorization_url token_url registration_url oauth2_flow extra_headers static_headers allowed_tools
      disallowed_tools allowed_params access_groups allow_all_keys available_on_public_internet spec_path mcp_info instructions
      tool_name_to_display_name tool_name_to_description pinned_tools is_byok byok_description byok_api_key_help_url
      aws_access_key_id aws_secret_access_key aws_session_token aws_region_name aws_service_name aws_role_name aws_session_name
      token_exchange_endpoint audience subject_token_type token_exchange_profile token_validation token_storage_ttl_seconds
      upstream_token_header upstream_resource dcr_bridge token_endpoint_auth_method id_jag_resource_token_endpoint
      id_jag_resource client_private_key client_private_key_id client_assertion_signing_alg redirect_uris header_variables
      delegate_auth_to_upstream short_prefix source_url spec_version timeout cwd isolation
      protocol_era id`;
    expect(fieldNames(ServerDefinition)).toEqual(expect.arrayContaining(documented.split(/\s+/)));
  });
});
