import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

const STYLE = `
:root{color-scheme:light dark;font-family:system-ui,sans-serif;line-height:1.5}
body{max-width:32rem;margin:10vh auto;padding:0 1rem}
h1{font-size:1.4rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}
dt{opacity:.7}
dd{margin:0;overflow-wrap:anywhere}
.warning{border-left:.25rem solid #c60;padding-left:.75rem}
form{margin:1rem 0}
label{display:block;margin-bottom:.75rem}
input[type=password]{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}
button,.button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Text that needs no escaping any more. */
class Markup {
  constructor(readonly text: string) {}
}

type Piece = string | number | Markup | readonly Markup[] | undefined;

/** A piece of a page. Whatever is put in is text, unless it is a piece itself. */
export function markup(strings: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  return new Markup(strings.map((text, index) => `${text}${render(values[index])}`).join(''));
}

function render(value: Piece): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return String(value)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

export interface BrowserPage {
  readonly title: string;
  readonly body: Markup;
  readonly status?: number;
  /** Where its forms may lead, besides here: sources of `form-action`, redirects after the form included. */
  readonly formTargets?: readonly string[];
}

/** Sends a page: no script, no frame around it, nothing from elsewhere, not kept by anybody. */
export function sendPage(response: ServerResponse, page: BrowserPage): void {
  const { text } = markup`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${page.title}</title><style>${new Markup(STYLE)}</style></head>
<body>
<h1>${page.title}</h1>
${page.body}
</body>
</html>
`;
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    `form-action ${["'self'", ...(page.formTargets ?? [])].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  response.writeHead(page.status ?? 200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    // Not `no-referrer`: with it browsers say `Origin: null` when they send our own forms.
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  response.end(text);
}

/** The page of what cannot be gone on with. Says nothing that the browser's user may not know. `back`: where they may go on. */
export function errorPage(message: string, status = 400, back?: { address: string; host: string }): BrowserPage {
  return {
    title: 'This cannot go on',
    status,
    body: markup`<p>${message}</p>
<p>Nothing was allowed. You can close this window, and begin again from the application.</p>
${
  back === undefined
    ? undefined
    : markup`<p class="warning">The application would take you to <a href="${back.address}" rel="noreferrer noopener">${back.host}</a>. Go there only if you know it.</p>`
}`,
  };
}
