import { markup, type BrowserPage } from './browser-page.js';
import { isLoopbackRedirect, redirectHost, redirectSource } from './redirect-rules.js';

/** What a person is asked to allow. */
export interface Consent {
  /** As the client calls itself. */
  readonly clientName: string;
  /** The host that vouches for the name (of its client metadata document); undefined: nobody does. */
  readonly clientHost?: string | undefined;
  /** Where the browser goes afterwards. */
  readonly redirectUri: string;
  /** What the client will be let into, in words: an address of ours. */
  readonly resource: string;
  /** Of the third party the browser is sent to next; undefined: there is none. */
  readonly next?: { readonly name: string; readonly host: string; readonly source: string } | undefined;
  readonly scopes: readonly string[];
  /** Who allows it; undefined: nobody is signed in (relay). */
  readonly signedInAs?: string | undefined;
  /** Where somebody else signs in; undefined: nowhere. */
  readonly otherAccount?: string | undefined;
  /** Where the answer is sent to: path of ours. */
  readonly action: string;
  /** Hidden fields of the form: `flow` and `csrf` at least. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Asks whether a client may act for the person at the browser. The form posts `decision=allow` or `decision=deny`. Names of
 * clients are their own choice: what can be believed is where the browser goes, so that is shown.
 */
export function consentPage(consent: Consent): BrowserPage {
  const { clientName, clientHost, redirectUri, scopes, signedInAs, otherAccount, next } = consent;
  const host = redirectHost(redirectUri);
  return {
    title: `Allow ${clientName}?`,
    formTargets: [redirectSource(redirectUri), ...(next === undefined ? [] : [next.source])],
    body: markup`<p><strong>${clientName}</strong> asks to use tools for you.</p>
<dl>
<dt>Application</dt><dd>${clientName}${clientHost === undefined ? ' (the name is its own choice)' : ` (${clientHost})`}</dd>
<dt>Sends you to</dt><dd>${host}</dd>
<dt>May use</dt><dd>${consent.resource}</dd>
${scopes.length === 0 ? undefined : markup`<dt>Scopes</dt><dd>${scopes.join(', ')}</dd>`}
${next === undefined ? undefined : markup`<dt>Then asks</dt><dd>${next.name} (${next.host})</dd>`}
${
  signedInAs === undefined
    ? undefined
    : markup`<dt>Signed in as</dt><dd>${signedInAs}${
        otherAccount === undefined ? undefined : markup` <a href="${otherAccount}">(somebody else?)</a>`
      }</dd>`
}
</dl>
${
  isLoopbackRedirect(redirectUri)
    ? markup`<p class="warning">This application runs on your own machine, and any program there could have sent you. Allow it only if you have just started it yourself.</p>`
    : markup`<p class="warning">Allow it only if you know ${host} and began this yourself.</p>`
}
<form method="post" action="${consent.action}">
${Object.entries(consent.fields).map(([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`)}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>`,
  };
}
