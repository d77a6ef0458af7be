import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly requestBody?: object;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, object>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const COMMITTED = join(import.meta.dirname, '../../../docs/openapi.json');

let gateway: TestGateway;
let text: string;
let document: Document;

beforeAll(async () => {
  gateway = await startGateway();
  const response = await fetch(`${gateway.url}/openapi.json`, { headers: { 'x-api-key': gateway.key } });
  text = await response.text();
  document = JSON.parse(text) as Document;
});

afterAll(() => gateway.close());

const operations = (): (Operation & { readonly route: string })[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, ...operation })),
  );

describe('the OpenAPI document', () => {
  test('is the one in docs/openapi.json (`npm run openapi` writes it)', () => {
    const committed = JSON.parse(readFileSync(COMMITTED, 'utf8')) as Document;
    const differing = (ours: object, theirs: object): string[] =>
      [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter(
        (name) => !isDeepStrictEqual((ours as never)[name], (theirs as never)[name]),
      );
    expect(differing(document.paths, committed.paths)).toEqual([]);
    expect(differing(document.components.schemas, committed.components.schemas)).toEqual([]);
    expect(text).toBe(readFileSync(COMMITTED, 'utf8'));
  });

  test('is valid OpenAPI 3.1', async () => {
    expect(await new Validator().validate(JSON.parse(text) as Record<string, unknown>)).toMatchObject({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  test('has every route that is registered, and every path of the data plane', () => {
    const registered = [...gateway.logs().matchAll(/Mapped \{([^,]+), ([A-Z]+)\} route/g)].map(
      ([, path = '', method = '']) => `${method} ${path.replaceAll(/[:*](\w+)/g, '{$1}')}`,
    );
    const routes = operations().map(({ route }) => route);
    expect(registered.length).toBeGreaterThan(50);
    expect(registered.filter((route) => !routes.includes(route))).toEqual([]);
    expect(routes).toEqual(
      expect.arrayContaining(['POST /mcp', 'GET /mcp-rest/tools/list', 'POST /mcp-rest/tools/call']),
    );
  });

  test('says of each what it does, how it succeeds and how it refuses; ids are unique', () => {
    expect(
      operations()
        .filter(({ summary }) => (summary ?? '') === '')
        .map(({ route }) => route),
    ).toEqual([]);
    for (const { route, responses } of operations()) {
      expect([route, Object.keys(responses).some((status) => status.startsWith('2'))]).toEqual([route, true]);
      expect([route, Object.keys(responses).some((status) => status.startsWith('4'))]).toEqual([route, true]);
    }
    const ids = operations().map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('says which need a credential: those that answer 401 without', async () => {
    for (const { route, security } of operations()) {
      const [method = '', path = ''] = route.split(' ');
      const init = method === 'POST' ? { method, body: '{}' } : { method };
      const { status } = await fetch(`${gateway.url}${path.replaceAll(/\{\w+\}/g, 'x')}`, init);
      expect([route, status === 401]).toEqual([route, (security ?? []).length > 0]);
    }
  });

  test('every reference leads somewhere, and bodies have the fields of their definitions', () => {
    const references = [...text.matchAll(/"\$ref": "#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name);
    expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
    expect(document.components.schemas['KeyGenerate']).toMatchObject({
      properties: {
        key_alias: { type: 'string', minLength: 1, maxLength: 255 },
        models: { type: 'array', items: { type: 'string' } },
        key: { type: 'string', writeOnly: true },
        object_permission: { $ref: '#/components/schemas/ObjectPermission' },
      },
    });
    expect(document.paths['/key/list']?.['get']?.parameters).toContainEqual(
      expect.objectContaining({ name: 'sort_order', in: 'query', schema: { type: 'string', enum: ['asc', 'desc'] } }),
    );
  });
});

describe('/docs', () => {
  test('needs a key, and everything it loads comes from here and is allowed by its policy', async () => {
    const headers = { 'x-api-key': gateway.key };
    for (const path of ['/docs', '/openapi.json', '/docs/swagger-ui-bundle.js']) {
      expect([path, (await fetch(`${gateway.url}${path}`)).status]).toEqual([path, 401]);
    }
    const response = await fetch(`${gateway.url}/docs`, { headers });
    const page = await response.text();
    const policy = response.headers.get('content-security-policy');
    expect(policy).toMatch(/default-src 'none'; script-src 'self'.*frame-ancestors 'none'/);
    const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    expect(loaded).toHaveLength(4);
    for (const path of loaded) {
      const asset = await fetch(new URL(path, `${gateway.url}/docs`), { headers });
      expect([path, asset.status, asset.headers.get('content-type')]).toEqual([
        path,
        200,
        expect.stringMatching(/javascript|css|png/),
      ]);
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
    expect((await fetch(`${gateway.url}/docs/package.json`, { headers })).status).toBe(404);
    expect((await fetch(`${gateway.url}/docs/..%2fpackage.json`, { headers })).status).toBe(404);
  });

  test('is for everybody with general_settings.public_docs', async () => {
    const open = await startGateway({ config: { general_settings: { public_docs: true } } });
    for (const path of ['/docs', '/openapi.json', '/docs/swagger-ui.css']) {
      expect([path, (await fetch(`${open.url}${path}`)).status]).toEqual([path, 200]);
    }
    expect((await fetch(`${open.url}/key/list`)).status).toBe(401);
    await open.close();
  });
});
