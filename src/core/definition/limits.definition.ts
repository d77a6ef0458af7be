import { DEFAULT_LIMITS, type Limits } from '../model/limits.js';
import { integerBetween, numberBetween } from './field-checks.js';
import { Field, toNumber } from './field-decorators.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const DAY = 86_400;

const seconds = (min: number, max: number) => numberBetween(min, max, 'seconds');

/** `general_settings.limits` (contract §12): sizes in bytes, spans in seconds, the rest counts. */
export class LimitsDefinition {
  @Field(integerBetween(KIB, GIB), toNumber)
  request_body_bytes?: number;

  @Field(integerBetween(KIB, GIB), toNumber)
  result_bytes?: number;

  @Field(integerBetween(4, 1_000), toNumber)
  json_depth?: number;

  @Field(seconds(0.1, DAY), toNumber)
  call_idle_timeout?: number;

  @Field(seconds(0.1, 7 * DAY), toNumber)
  call_timeout?: number;

  @Field(seconds(0.1, 600), toNumber)
  list_timeout?: number;

  @Field(seconds(0.1, 600), toNumber)
  connect_timeout?: number;

  @Field(integerBetween(KIB, MIB), toNumber)
  header_bytes?: number;

  @Field(integerBetween(1, 1_000_000), toNumber)
  sessions_per_key?: number;

  @Field(integerBetween(1, 1_000_000), toNumber)
  streams_per_key?: number;

  @Field(integerBetween(1, 1_000_000), toNumber)
  calls_per_key?: number;

  @Field(integerBetween(1, 1_000_000), toNumber)
  calls_per_upstream?: number;

  @Field(integerBetween(1, 1_000_000), toNumber)
  connections?: number;

  @Field(seconds(0, DAY), toNumber)
  list_cache_ttl?: number;

  @Field(integerBetween(1, 100_000), toNumber)
  list_page_size?: number;

  @Field(integerBetween(1, 1_000_000), toNumber)
  list_items?: number;

  @Field(seconds(1, 30 * DAY), toNumber)
  session_idle_timeout?: number;

  @Field(seconds(1, 365 * DAY), toNumber)
  session_lifetime?: number;

  @Field(integerBetween(1, 10_000), toNumber)
  questions_per_session?: number;

  @Field(seconds(1, DAY), toNumber)
  client_answer_timeout?: number;

  @Field(integerBetween(0, GIB), toNumber)
  resume_bytes?: number;

  @Field(integerBetween(0, 16 * GIB), toNumber)
  resume_bytes_total?: number;

  @Field(seconds(0, DAY), toNumber)
  resume_seconds?: number;

  @Field(seconds(0, 3_600), toNumber)
  shutdown_grace?: number;

  @Field(seconds(0, DAY), toNumber)
  stale_seconds?: number;

  @Field(integerBetween(100, 10_000_000), toNumber)
  principals_cached?: number;
}

/** The field a limit is set by, and what one of its units is in ours. */
export const LIMIT_FIELDS: { readonly [K in keyof Limits]: readonly [field: keyof LimitsDefinition, unit: 1 | 1_000] } =
  {
    requestBodyBytesMax: ['request_body_bytes', 1],
    resultBytesMax: ['result_bytes', 1],
    jsonDepthMax: ['json_depth', 1],
    callIdleTimeoutMs: ['call_idle_timeout', 1_000],
    callTimeoutMs: ['call_timeout', 1_000],
    listTimeoutMs: ['list_timeout', 1_000],
    connectTimeoutMs: ['connect_timeout', 1_000],
    headerBytesMax: ['header_bytes', 1],
    sessionsPerPrincipalMax: ['sessions_per_key', 1],
    streamsPerPrincipalMax: ['streams_per_key', 1],
    callsPerPrincipalMax: ['calls_per_key', 1],
    callsPerUpstreamMax: ['calls_per_upstream', 1],
    connectionsMax: ['connections', 1],
    listCacheTtlMs: ['list_cache_ttl', 1_000],
    listPageSize: ['list_page_size', 1],
    listItemsMax: ['list_items', 1],
    sessionIdleTimeoutMs: ['session_idle_timeout', 1_000],
    sessionLifetimeMs: ['session_lifetime', 1_000],
    questionsPerSessionMax: ['questions_per_session', 1],
    clientAnswerTimeoutMs: ['client_answer_timeout', 1_000],
    resumeBytesMax: ['resume_bytes', 1],
    resumeBytesTotalMax: ['resume_bytes_total', 1],
    resumeMs: ['resume_seconds', 1_000],
    shutdownGraceMs: ['shutdown_grace', 1_000],
    staleMs: ['stale_seconds', 1_000],
    principalsCachedMax: ['principals_cached', 1],
  };

/** What was written over the defaults of contract §12. Takes a definition without errors. */
export function toLimits(definition: LimitsDefinition | undefined): Limits {
  const limits = Object.entries(LIMIT_FIELDS).map(([name, [field, unit]]) => {
    const written = definition?.[field];
    return [name, written === undefined ? DEFAULT_LIMITS[name as keyof Limits] : Math.round(written * unit)];
  });
  return Object.freeze(Object.fromEntries(limits) as unknown as Limits);
}
