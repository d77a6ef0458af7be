/** Injection token of {@link ChildEnvironment}. */
export const CHILD_ENVIRONMENT = Symbol('ChildEnvironment');

/** The gateway's own environment, of which stdio children see the basics (PATH, HOME and the like), never more. */
export type ChildEnvironment = Readonly<Record<string, string | undefined>>;

/** As it is when asked; nothing is copied. */
export function childEnvironment(): ChildEnvironment {
  return process.env;
}
