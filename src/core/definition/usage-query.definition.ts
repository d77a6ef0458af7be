import { names, shortName } from './budget.definition.js';
import { oneOf } from './field-checks.js';
import { Field } from './field-decorators.js';
import { PageQuery } from './page-query.definition.js';
import { daysOf, lastDays, moment, rangeOf, type TimeRange } from './time-range.js';
import { splitList } from './user.definition.js';

/** Days one question about usage may span: what it costs grows with the calls of the range. */
export const USAGE_DAYS_MAX = 93;
const DAYS_DEFAULT = 30;

/** A page of what happened between two moments. */
class UsageQuery extends PageQuery {
  @Field(moment)
  start_date?: string;

  /** A day includes itself. */
  @Field(moment)
  end_date?: string;

  /** The key, or its hash. */
  @Field(shortName)
  api_key?: string;
}

/** `GET /spend/logs`. */
export class SpendLogsQuery extends UsageQuery {
  @Field(shortName)
  request_id?: string;

  @Field(shortName)
  user_id?: string;

  @Field(shortName)
  team_id?: string;

  @Field(shortName)
  organization_id?: string;

  @Field(shortName)
  end_user?: string;

  /** Server name. */
  @Field(shortName)
  mcp_server?: string;

  @Field(oneOf(['success', 'failure']))
  status_filter?: 'success' | 'failure';
}

/** What activity is broken down by. */
export const ACTIVITY_GROUPS = ['server', 'tool', 'team', 'key', 'user', 'organization'] as const;
export type ActivityGroup = (typeof ACTIVITY_GROUPS)[number];

/** `GET /global/activity`. */
export class ActivityQuery extends UsageQuery {
  @Field(oneOf(ACTIVITY_GROUPS))
  group_by?: ActivityGroup;
}

/** `GET /team/daily/activity` and its kin: whose activity, with commas between the ids. */
export class DailyActivityQuery extends UsageQuery {
  @Field(names, splitList)
  team_ids?: string[];

  @Field(names, splitList)
  organization_ids?: string[];

  @Field(names, splitList)
  end_user_ids?: string[];

  @Field(shortName)
  user_id?: string;
}

/** The range a question means; undefined: it is longer than we answer, or ends before it begins. */
export function usageRange(query: UsageQuery, now: Date): TimeRange | undefined {
  const fallback = lastDays(DAYS_DEFAULT, now);
  const end = rangeOf(undefined, query.end_date, fallback).to;
  const range = rangeOf(query.start_date, query.end_date, {
    from: query.end_date === undefined ? fallback.from : lastDays(DAYS_DEFAULT, end).from,
    to: fallback.to,
  });
  return range.to > range.from && daysOf(range) <= USAGE_DAYS_MAX ? range : undefined;
}
