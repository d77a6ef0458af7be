import { markup, type BrowserPage } from './browser-page.js';

/** A login that the server wants of each user. */
export interface ConnectLogin {
  /** Of the authorization server; undefined: it could not be found out. */
  readonly host: string | undefined;
  readonly scopes: readonly string[];
  /** In words; undefined: there is none yet. */
  readonly state: string | undefined;
  readonly canDrop: boolean;
}

export interface ConnectPage {
  readonly serverName: string;
  readonly description: string | undefined;
  /** Where what is entered here is sent. */
  readonly destination: string;
  readonly signedInAs: string;
  /** Where somebody else signs in. */
  readonly otherAccount: string;
  readonly login: ConnectLogin | undefined;
  /** A key of the user's own. */
  readonly key:
    { readonly help: readonly string[]; readonly helpUrl: string | undefined; readonly isSet: boolean } | undefined;
  readonly variables: readonly {
    readonly name: string;
    readonly description: string | undefined;
    readonly isSet: boolean;
  }[];
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
  /** What was done just now. */
  readonly notice?: string | undefined;
  /** Where it goes on without. */
  readonly later?: string | undefined;
}

/** Shows what a server wants of its user, who that is, and where it goes. The form posts `do=connect|save|drop`. */
export function connectPage(page: ConnectPage): BrowserPage {
  const { serverName, login, key, variables, fields, action } = page;
  const hidden = Object.entries(fields).map(
    ([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`,
  );
  const takesText = key !== undefined || variables.length > 0;
  return {
    title: `Connect ${serverName}`,
    body: markup`${page.notice === undefined ? undefined : markup`<p class="warning" role="status">${page.notice}</p>`}
<p>The gateway keeps what you give here for you alone, sealed, and uses it when you call <strong>${serverName}</strong>.</p>
<dl>
<dt>Server</dt><dd>${serverName}${page.description === undefined ? undefined : markup`: ${page.description}`}</dd>
<dt>Goes to</dt><dd>${page.destination}</dd>
<dt>Signed in as</dt><dd>${page.signedInAs} (<a href="${page.otherAccount}">somebody else?</a>)</dd>
${login === undefined ? undefined : markup`<dt>You log in at</dt><dd>${login.host ?? 'what the server names'}</dd>`}
${login === undefined || login.scopes.length === 0 ? undefined : markup`<dt>Scopes</dt><dd>${login.scopes.join(', ')}</dd>`}
${login?.state === undefined ? undefined : markup`<dt>Now</dt><dd>${login.state}</dd>`}
</dl>
${
  login === undefined
    ? undefined
    : markup`<p class="warning">Go on only if you began this yourself, and are the one you are signed in as.</p>
<form method="post" action="${action}">
${hidden}
<button type="submit" name="do" value="connect">${login.state === undefined ? 'Connect' : 'Connect again'}</button>
${login.canDrop ? markup`<button type="submit" name="do" value="drop">Disconnect</button>` : undefined}
</form>`
}
${
  takesText
    ? markup`<form method="post" action="${action}">
${hidden}
${key === undefined ? undefined : keyField(key)}
${variables.map(
  ({ name, description, isSet }) =>
    markup`<label>${name}${description === undefined ? undefined : markup` (${description})`}${isSet ? ', is set' : undefined} <input type="password" name="value:${name}" autocomplete="off"></label>`,
)}
<p>What you leave empty stays as it is.</p>
<button type="submit" name="do" value="save">Keep</button>
</form>`
    : undefined
}
${page.later === undefined ? undefined : markup`<p><a href="${page.later}">Not now</a></p>`}`,
  };
}

function keyField({ help, helpUrl, isSet }: NonNullable<ConnectPage['key']>) {
  return markup`${help.map((line) => markup`<p>${line}</p>`)}
${helpUrl === undefined ? undefined : markup`<p><a href="${helpUrl}" rel="noreferrer noopener">Where to get a key</a></p>`}
<label>Your own key${isSet ? ', is set' : undefined} <input type="password" name="key" autocomplete="off"></label>`;
}

/** It is done, and there is nowhere to go on to. */
export function connectedPage(serverName: string): BrowserPage {
  return {
    title: `${serverName} is connected`,
    body: markup`<p>You can close this window and go on where you came from.</p>`,
  };
}
