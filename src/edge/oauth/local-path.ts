/** Letters, digits and what separates them in paths and queries of ours: no host, no scheme, nothing to be decoded twice. */
const PATH = /^\/(?![/\\])[A-Za-z0-9_.,~%+/?=&-]{0,2000}$/;

/** Whether a browser that is sent there stays with us. */
export function isLocalPath(path: string): boolean {
  return PATH.test(path);
}

/** Where a browser signs in and then goes on to `next`, a path of ours below the base. */
export function loginPath(next: string): string {
  return `/login?${new URLSearchParams({ next }).toString()}`;
}
