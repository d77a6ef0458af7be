/**
 * Bounds of the gateway (contract §12). Every field can be set under `general_settings.limits` by the snake_case name
 * given beside it. Sizes are bytes, spans are milliseconds in here and seconds in the file.
 */
export interface Limits {
  /** Largest request body a client may send; over it 413. `request_body_bytes`, default 4 MiB. */
  readonly requestBodyBytesMax: number;
  /** Largest upstream message (result or event); over it the call fails. `result_bytes`, default 32 MiB. */
  readonly resultBytesMax: number;
  /** Deepest nesting of a JSON body. `json_depth`, default 64. */
  readonly jsonDepthMax: number;
  /** A call without a byte or progress from upstream. `call_idle_timeout`, default 60 s; `timeout` per server wins. */
  readonly callIdleTimeoutMs: number;
  /** A whole call however busy. `call_timeout`, default 1 h. */
  readonly callTimeoutMs: number;
  /** Listing one upstream, all pages. `list_timeout`, default 10 s. */
  readonly listTimeoutMs: number;
  /** Connecting to an upstream (TCP and TLS). `connect_timeout`, default 5 s. */
  readonly connectTimeoutMs: number;
  /** Header block of a client request; over it 431. `header_bytes`, default 16 KiB. */
  readonly headerBytesMax: number;
  /** Client sessions in memory of one principal. `sessions_per_key`, default 100. */
  readonly sessionsPerPrincipalMax: number;
  /** Open SSE streams of one principal. `streams_per_key`, default 20. */
  readonly streamsPerPrincipalMax: number;
  /** Calls of one principal in flight; over it 429. `calls_per_key`, default 200. */
  readonly callsPerPrincipalMax: number;
  /** Calls to one upstream in flight; over it 429. `calls_per_upstream`, default 500. */
  readonly callsPerUpstreamMax: number;
  /** Client sockets open at once. `connections`, default 10,000. */
  readonly connectionsMax: number;
  /** How long a cached list counts as fresh; older ones are served while being refreshed. `list_cache_ttl`, default 60 s. */
  readonly listCacheTtlMs: number;
  /** Items on one page of an aggregated list. `list_page_size`, default 1,000. */
  readonly listPageSize: number;
  /** Items accepted from one upstream in one list, over all its pages. `list_items`, default 10,000. */
  readonly listItemsMax: number;
  /** A client session without traffic loses its memory (it comes back when used). `session_idle_timeout`, default 30 min. */
  readonly sessionIdleTimeoutMs: number;
  /** A client session id stops being valid this long after it was issued. `session_lifetime`, default 24 h. */
  readonly sessionLifetimeMs: number;
  /** Questions of upstreams that one client has not answered yet; more are refused. `questions_per_session`, default 50. */
  readonly questionsPerSessionMax: number;
  /** How long a client may take to answer an upstream's question. `client_answer_timeout`, default 10 min. */
  readonly clientAnswerTimeoutMs: number;
  /** Messages kept per session for clients that come back. `resume_bytes`, default 1 MiB. */
  readonly resumeBytesMax: number;
  /** The same for all sessions of a process together. `resume_bytes_total`, default 64 MiB. */
  readonly resumeBytesTotalMax: number;
  /** How long they are kept. `resume_seconds`, default 5 min. */
  readonly resumeMs: number;
  /** How long running calls may go on after SIGTERM. `shutdown_grace`, default 30 s. */
  readonly shutdownGraceMs: number;
  /** While the database is away, keys known before are good for this long. `stale_seconds`, default 60 s. */
  readonly staleMs: number;
  /** Keys and tokens whose rights are kept in memory. `principals_cached`, default 50,000. */
  readonly principalsCachedMax: number;
}

/** Contract §12. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  requestBodyBytesMax: 4 * 1024 * 1024,
  resultBytesMax: 32 * 1024 * 1024,
  jsonDepthMax: 64,
  callIdleTimeoutMs: 60_000,
  callTimeoutMs: 3_600_000,
  listTimeoutMs: 10_000,
  connectTimeoutMs: 5_000,
  headerBytesMax: 16 * 1024,
  sessionsPerPrincipalMax: 100,
  streamsPerPrincipalMax: 20,
  callsPerPrincipalMax: 200,
  callsPerUpstreamMax: 500,
  connectionsMax: 10_000,
  listCacheTtlMs: 60_000,
  listPageSize: 1_000,
  listItemsMax: 10_000,
  sessionIdleTimeoutMs: 30 * 60_000,
  sessionLifetimeMs: 24 * 3_600_000,
  questionsPerSessionMax: 50,
  clientAnswerTimeoutMs: 10 * 60_000,
  resumeBytesMax: 1024 * 1024,
  resumeBytesTotalMax: 64 * 1024 * 1024,
  resumeMs: 5 * 60_000,
  shutdownGraceMs: 30_000,
  staleMs: 60_000,
  principalsCachedMax: 50_000,
});
