import type { TestGateway } from '../../harness/start-gateway.js';

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

/** The key API as curl would use it, with one key. */
export interface KeyApi {
  post(path: string, body?: unknown): Promise<Answer>;
  get(path: string): Promise<Answer>;
}

export function keyApi({ url }: Pick<TestGateway, 'url'>, key: string): KeyApi {
  const send = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Body };
  };
  return { post: (path, body) => send('POST', path, body), get: (path) => send('GET', path) };
}

/** Fails with the answer when it is not 200. */
export async function ok(answer: Promise<Answer>): Promise<Body> {
  const { status, text, body } = await answer;
  if (status !== 200) throw new Error(`answered ${status}: ${text}`);
  return body;
}

export function errorOf({ status, body }: Answer): Body {
  return { status, ...(body['error'] as Body | undefined) };
}
