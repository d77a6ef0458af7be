import { markup, type BrowserPage } from './browser-page.js';

export interface LoginForm {
  /** Path of ours that the key is sent to; undefined: no keys. */
  readonly action: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
  /** Where the company's provider is begun, and its host; undefined: there is none. */
  readonly company: { readonly address: string; readonly host: string } | undefined;
  /** Why the last try did not succeed. */
  readonly problem?: string | undefined;
  readonly status?: number;
}

/** Asks who is at the browser. */
export function loginPage({ action, fields, company, problem, status = 200 }: LoginForm): BrowserPage {
  return {
    title: 'Sign in to the gateway',
    status,
    body: markup`${problem === undefined ? undefined : markup`<p class="warning" role="alert">${problem}</p>`}
${
  company === undefined
    ? undefined
    : markup`<p><a class="button" href="${company.address}">Sign in at ${company.host}</a></p>`
}
${
  action === undefined
    ? undefined
    : markup`<form method="post" action="${action}">
${Object.entries(fields).map(([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`)}
<label>Gateway key <input type="password" name="key" autocomplete="off" required></label>
<button type="submit">Sign in with this key</button>
</form>`
}`,
  };
}
