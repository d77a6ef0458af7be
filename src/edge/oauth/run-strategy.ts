import type { Request } from 'express';

/** What a passport strategy says of a request. */
export type StrategyOutcome<User> =
  | { readonly kind: 'success'; readonly user: User }
  | { readonly kind: 'redirect'; readonly url: string }
  | { readonly kind: 'fail' }
  | { readonly kind: 'error'; readonly error: unknown };

/** What passport gives strategies to answer with. */
export interface StrategyActions {
  success(user: unknown): void;
  redirect(url: string): void;
  fail(): void;
  pass(): void;
  error(error: unknown): void;
}

/**
 * Runs a passport strategy by passport's own contract (an object that inherits from the strategy and answers through its
 * actions), and tells what it said. Passport's middleware would answer the browser at once; here what the strategy wants
 * remembered is stored first.
 */
export function runStrategy<User>(strategy: object, request: Request, options: object): Promise<StrategyOutcome<User>> {
  const { promise, resolve } = Promise.withResolvers<StrategyOutcome<User>>();
  const running = Object.create(strategy) as StrategyActions & {
    authenticate(request: Request, options: object): void;
  };
  running.success = (user) => resolve({ kind: 'success', user: user as User });
  running.redirect = (url) => resolve({ kind: 'redirect', url });
  running.fail = () => resolve({ kind: 'fail' });
  running.pass = () => resolve({ kind: 'fail' });
  running.error = (error) => resolve({ kind: 'error', error });
  running.authenticate(request, options);
  return promise;
}
