/** A page, after redirects. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const HOPS_MAX = 20;

/**
 * What a browser does in a sign-in: follows redirects (and pages that lead on at once), keeps cookies per origin, submits the first form of a page. It runs
 * no script and reaches this machine only. A redirect to an address that {@link stopAt} recognises is not followed: it is
 * where the client waits.
 */
export class CookieBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Every address visited, redirects included. */
  readonly visited: string[] = [];

  readonly #stopAt: (url: URL) => boolean;
  readonly #reach: (url: URL) => URL;

  /** @param reach where an address leads in truth, for names that this machine does not know. */
  constructor(stopAt: (url: URL) => boolean = () => false, reach: (url: URL) => URL = (url) => url) {
    this.#stopAt = stopAt;
    this.#reach = reach;
  }

  get(url: string | URL): Promise<Page> {
    return this.#go(new URL(url), 'GET', undefined);
  }

  post(url: string | URL, form: Readonly<Record<string, string>>): Promise<Page> {
    return this.#go(new URL(url), 'POST', new URLSearchParams(form));
  }

  /** Submits the page's form: hidden fields as they are, `fields` over them, `button` as `name=value` of the one pressed. */
  submit(page: Page, fields: Readonly<Record<string, string>> = {}, button?: string): Promise<Page> {
    const form = /<form\b[^>]*>[\s\S]*?<\/form>/i.exec(page.text)?.[0];
    if (form === undefined) throw new Error(`No form on ${page.url.href}: ${page.text.slice(0, 500)}`);
    const values = new URLSearchParams();
    for (const [input] of form.matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(input, 'name');
      const type = attribute(input, 'type');
      if (name === undefined || type === 'submit' || (type === 'checkbox' && !/\bchecked\b/i.test(input))) continue;
      values.set(name, attribute(input, 'value') ?? '');
    }
    for (const [name, value] of Object.entries(fields)) values.set(name, value);
    if (button !== undefined) {
      const at = button.indexOf('=');
      values.set(button.slice(0, at), button.slice(at + 1));
    }
    const head = form.slice(0, form.indexOf('>') + 1);
    const action = new URL(attribute(head, 'action') ?? '', page.url);
    const isPost = attribute(head, 'method')?.toLowerCase() === 'post';
    if (isPost) return this.#go(action, 'POST', values);
    action.search = values.toString();
    return this.#go(action, 'GET', undefined);
  }

  /** Cookies sent to this origin. */
  cookies(origin: string): ReadonlyMap<string, string> {
    return this.#cookies.get(origin) ?? new Map<string, string>();
  }

  async #go(target: URL, verb: 'GET' | 'POST', form: URLSearchParams | undefined): Promise<Page> {
    let [url, method, body] = [target, verb, form];
    for (let hop = 0; hop < HOPS_MAX; hop += 1) {
      this.visited.push(url.href);
      const cookie = [...this.cookies(url.origin)].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(this.#reach(url), {
        method,
        redirect: 'manual',
        headers: {
          accept: 'text/html',
          ...(cookie === '' ? {} : { cookie }),
          ...(method === 'POST' ? { origin: url.origin } : {}),
        },
        ...(body === undefined ? {} : { body }),
      });
      this.#keep(url.origin, response.headers.getSetCookie());
      const refresh = /^0; url=(.+)$/.exec(response.headers.get('refresh') ?? '')?.[1];
      const location = response.headers.get('location') ?? refresh ?? null;
      const page = { url, status: response.status, headers: response.headers, text: await response.text() };
      const leadsOn = refresh !== undefined || (response.status >= 300 && response.status < 400);
      if (location === null || !leadsOn) return page;
      url = new URL(location, url);
      if (this.#stopAt(url)) {
        this.visited.push(url.href);
        return { ...page, url, text: '' };
      }
      if (response.status !== 307 && response.status !== 308) [method, body] = ['GET', undefined];
    }
    throw new Error(`More than ${HOPS_MAX} redirects from ${target.href}`);
  }

  #keep(origin: string, lines: readonly string[]): void {
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      const name = pair.slice(0, at).trim();
      const value = pair.slice(at + 1).trim();
      const isGone = attributes.some((text) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(text)) || value === '';
      if (isGone) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  const value = found?.[1] ?? found?.[2] ?? found?.[3];
  return value
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
