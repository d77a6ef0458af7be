import { CookieBrowser, type Page } from '../../harness/cookie-browser.js';

/** Where the clients of these tests wait for their user; nobody listens there. */
export const CALLBACK = 'http://127.0.0.1:9/callback';

/** A browser that stops where the client waits. */
export function newBrowser(callback = CALLBACK): CookieBrowser {
  return new CookieBrowser((url) => url.href.startsWith(callback));
}

/** Somebody with a key and a browser: signs in where they are asked to, and allows what they are asked for. */
export class Person {
  /** Pages that asked for consent. */
  readonly consents: Page[] = [];

  constructor(
    private readonly key: string,
    readonly browser: CookieBrowser = newBrowser(),
  ) {}

  /** From the address a client opened to the parameters the client gets back. */
  readonly signIn = async (url: URL): Promise<URLSearchParams> => {
    const page = await this.answer(await this.consentPage(url), 'allow');
    return page.url.searchParams;
  };

  /** Signs in if asked, and answers the page that asks for consent (or whatever came instead). */
  async consentPage(url: URL | string): Promise<Page> {
    let page = await this.browser.get(url);
    if (page.text.includes('name="key"')) page = await this.browser.submit(page, { key: this.key });
    if (page.text.includes('name="decision"') || page.text.includes('value="allow"')) this.consents.push(page);
    return page;
  }

  answer(page: Page, decision: 'allow' | 'deny'): Promise<Page> {
    return this.browser.submit(page, {}, `decision=${decision}`);
  }
}
