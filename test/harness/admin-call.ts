/** What the control plane answered. */
export interface AdminAnswer {
  readonly status: number;
  /** Undefined when there was none, or it was no JSON. */
  readonly body: unknown;
}

/** One caller of the control plane. */
export type AdminCaller = (method: string, path: string, body?: unknown) => Promise<AdminAnswer>;

/** Calls the control plane of the gateway at `url` with this key. */
export function adminCaller(url: string, key: string): AdminCaller {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text) };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // No JSON: the test sees that there is none.
    return undefined;
  }
}
