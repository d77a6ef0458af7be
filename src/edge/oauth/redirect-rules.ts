/** What a redirect address may look like, apart from its shape. */
export interface RedirectPolicy {
  /**
   * Where browsers may be sent, besides loopback: origins such as `https://app.example.com` or `cursor://host`. Undefined:
   * any https host and any app. (`general_settings.oauth.redirect_origins`)
   */
  readonly origins: readonly string[] | undefined;
}

export const ANY_REDIRECT: RedirectPolicy = Object.freeze({ origins: undefined });

const LENGTH_MAX = 2_000;

/** Printable ASCII without what no URL holds unencoded: what is compared as text must have one spelling. */
const SHAPE = /^[a-z][a-z0-9+.-]*:\/[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/i;

/** Hosts we can show to a person and write into a header. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Schemes that browsers act upon themselves, or that other programs use for something else than being called back. */
const FOREIGN_SCHEMES: ReadonlySet<string> = new Set([
  'about',
  'blob',
  'chrome',
  'chrome-extension',
  'content',
  'data',
  'edge',
  'feed',
  'file',
  'filesystem',
  'ftp',
  'intent',
  'jar',
  'javascript',
  'mailto',
  'moz-extension',
  'resource',
  'sms',
  'ssh',
  'tel',
  'urn',
  'vbscript',
  'view-source',
  'ws',
  'wss',
]);

/**
 * Why a browser may not be sent to this address; undefined when it may: https, http on this machine (RFC 8252 §7.3), or an
 * app's own scheme (§7.1). No user information, no fragment (RFC 6749 §3.1.2).
 */
export function redirectProblem(address: string, policy: RedirectPolicy = ANY_REDIRECT): string | undefined {
  if (address.length > LENGTH_MAX) return `a redirect URI has at most ${LENGTH_MAX} characters`;
  const url = SHAPE.test(address) ? URL.parse(address) : null;
  if (url === null) return 'a redirect URI must be an absolute URL';
  if (address.includes('#')) return 'a redirect URI must have no fragment';
  if (url.username !== '' || url.password !== '') return 'a redirect URI must have no user information';
  const scheme = url.protocol.slice(0, -1);
  if (FOREIGN_SCHEMES.has(scheme)) return `${scheme}: is no scheme to be redirected to`;
  if (url.host !== '' && !HOST.test(url.host)) return 'a redirect URI must name a plain host';
  if (scheme === 'http') return isLoopback(url) ? undefined : 'http is for loopback addresses only: use https';
  if (scheme === 'https') {
    if (isLoopback(url) || policy.origins === undefined || policy.origins.includes(url.origin)) return undefined;
    return 'this origin is not among those that browsers may be sent to';
  }
  if (scheme.length < 3) return `${scheme}: is no scheme of an app`;
  if (policy.origins === undefined || policy.origins.includes(appOrigin(url))) return undefined;
  return 'this app is not among those that browsers may be sent to';
}

/**
 * Whether the address a client asks for is one it registered: the same characters; on loopback, whose port nobody knows
 * beforehand, the same but for the port (RFC 8252 §7.3).
 */
export function isRegisteredRedirect(registered: readonly string[], asked: string): boolean {
  if (registered.includes(asked)) return true;
  const portless = withoutLoopbackPort(asked);
  return portless !== undefined && registered.some((address) => withoutLoopbackPort(address) === portless);
}

/** Whether it leads to a program on the user's own machine that anybody could have started there. */
export function isLoopbackRedirect(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && isLoopback(url);
}

/** Where a browser will end up, for people: `app.example.com`, `localhost:1234`, `cursor://host`. */
export function redirectHost(address: string): string {
  const url = URL.parse(address);
  if (url === null) return '';
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.host : appOrigin(url);
}

/** The address as a source of `form-action` in a Content-Security-Policy. */
export function redirectSource(address: string): string {
  const url = URL.parse(address);
  if (url === null) return "'none'";
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.origin : url.protocol;
}

function appOrigin(url: URL): string {
  return `${url.protocol}//${url.host}`;
}

function isLoopback(url: URL): boolean {
  return LOOPBACK_HOSTS.has(url.hostname);
}

/** As text, so that nothing else is evened out; undefined for other addresses. */
function withoutLoopbackPort(address: string): string | undefined {
  const [, start, rest = ''] =
    /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(\/.*|\?.*)?$/.exec(address) ?? [];
  return start === undefined ? undefined : `${start}${rest}`;
}
