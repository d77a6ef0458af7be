/** Where this room tells what it does; Nest's `Logger` fits. Messages hold no secrets. */
export interface DatabaseLog {
  debug(message: string): void;
  warn(message: string): void;
}
