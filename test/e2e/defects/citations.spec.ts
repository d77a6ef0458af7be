import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

/**
 * The register of defects that gateways of this kind were found to have, in our words. A test that would fail if we had
 * one says so in its title: `(defect 4)`, `(defects 7, 8)`.
 */
const SHOWN_NOT_TO_HAVE: Readonly<Record<number, string>> = {
  1: 'a bearer that is no key is let in anonymously',
  2: '".well-known" anywhere in the address, in its query too, is let in anonymously',
  3: 'a wrong key is answered with 500',
  4: 'a filter that matches nothing shows everything',
  5: '/mcp/name/tools is read as one name',
  7: 'a refusal prints server objects with their credentials',
  8: 'a name that leads nowhere skips the check of the server',
  9: 'tools of a local list are called around every check',
  10: 'callers from outside call what they may not list',
  11: 'one map of names for the whole process, the last writer wins',
  12: 'a permission that cannot be read allows everything',
  13: 'an empty tool list of a team restricts nothing',
  14: 'an empty server list of a team lifts its ceiling',
  15: 'what organizations and users are limited to is stored and not enforced',
  16: 'a user grants their own key what they were never granted',
  17: 'allowed_params with prefixed names never match',
  18: 'REST lists tools that are disallowed',
  19: 'REST answers a refusal with 200',
  20: 'REST calls a tool of another server than the one named',
  21: 'trying a server out starts any process for any key',
  22: 'env, static_headers and credentials in URLs are shown',
  23: 'a server is asked how it is before the caller is, and those of the file are 404',
  24: 'a change of a server resets what it does not name',
  25: 'reserved ids can be taken',
  26: 'a deleted server stays in grants',
  27: 'browsers are sent to addresses nobody registered; state lasts for ever and for anybody',
  28: 'X-Forwarded-* is believed from anybody',
  29: 'refreshing is advertised and refused',
  30: 'the issuer is not the address of the authorization server',
  31: 'a gateway key in Authorization goes upstream',
  32: 'a secret that does not open is sent upstream as it is',
  33: 'rotating the salt seals what is sealed already',
  34: 'secrets are sealed under the master key',
  35: 'the route with the name first holds the whole answer back',
  36: '/mcp/sse cannot be reached',
  37: 'sessions grow without bound',
  38: 'headers for one server are lost in lists when the alias has upper case',
  39: 'only the first page of an upstream is listed',
  40: 'an upstream that fails is an empty list',
  44: 'binary resources lose their type, several servers cannot be read from, equal URIs collide',
  46: 'checks that take "-" for the separator whatever is configured',
  47: 'the derived id of a server depends on how it was computed',
  48: 'os.environ/ in lists stays as it is',
  49: 'credentials follow a redirect to another origin',
  50: 'one bad entry aborts the whole reload; what was revoked works for a minute',
  54: 'configuration and headers in the log with their secrets',
  55: 'nobody can tell who changed a server',
};

/** Those of features that are not there: to be shown with them. */
const NOT_YET: Readonly<Record<string, readonly number[]>> = {
  'language model endpoints, guardrails and hooks': [6, 41, 42, 43, 51, 52, 53],
  'OpenAPI servers': [45],
};
const REGISTERED = 55;

/** Numbers in the titles of one spec file; comments do not count. */
function citedIn(file: string): number[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .flatMap((line) => [...line.matchAll(/\(defects? (\d+(?:, \d+)*)/g)])
    .flatMap(([, numbers = '']) => numbers.split(', ').map(Number));
}

const specs = ['src', 'test']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(ROOT, folder, name)),
  )
  .filter((file) => file.endsWith('.spec.ts'));
const cited = new Set(specs.flatMap(citedIn));

test.each(Object.entries(SHOWN_NOT_TO_HAVE))('number %s has a regression test: %s', (number) => {
  expect(cited).toContain(Number(number));
});

test('every number of the register is shown, or waits for the feature it is about', () => {
  const known = [...Object.keys(SHOWN_NOT_TO_HAVE).map(Number), ...Object.values(NOT_YET).flat()];
  expect(known.sort((a, b) => a - b)).toEqual(Array.from({ length: REGISTERED }, (_, index) => index + 1));
});

test('no title cites a number that the register does not have', () => {
  expect([...cited].filter((number) => number < 1 || number > REGISTERED)).toEqual([]);
});
