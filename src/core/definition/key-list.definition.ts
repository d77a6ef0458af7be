import { flag, integerBetween, listOf, oneOf, secretText, text } from './field-checks.js';
import { Field, toFlag, toNumber, toSecret } from './field-decorators.js';
import type { Secret } from '../model/secret.js';

export const KEY_SORT_FIELDS = [
  'created_at',
  'updated_at',
  'key_alias',
  'key_name',
  'spend',
  'max_budget',
  'expires',
  'token',
  'user_id',
  'team_id',
] as const;
export type KeySortField = (typeof KEY_SORT_FIELDS)[number];

const KEYS_ON_PAGE_MAX = 100;
/** Offsets beyond are nobody's browsing. */
const PAGE_MAX = 100_000;

/** `expand=user` and `expand=user&expand=…`. */
const toList = (value: unknown): unknown => (typeof value === 'string' ? [value] : value);

/** Query of `GET /key/list`. */
export class KeyListDefinition {
  /** From 1. Default 1. */
  @Field(integerBetween(1, PAGE_MAX), toNumber)
  page?: number;

  /** Default 10. */
  @Field(integerBetween(1, KEYS_ON_PAGE_MAX), toNumber)
  size?: number;

  @Field(text)
  user_id?: string;

  @Field(text)
  team_id?: string;

  @Field(text)
  organization_id?: string;

  /** The hash of the key, or the key. */
  @Field(secretText, toSecret)
  key_hash?: Secret;

  @Field(text)
  key_alias?: string;

  /** Objects instead of hashes. */
  @Field(flag, toFlag)
  return_full_object?: boolean;

  /** Also the keys of teams one administers. */
  @Field(flag, toFlag)
  include_team_keys?: boolean;

  /** Also the keys one made for others. */
  @Field(flag, toFlag)
  include_created_by_keys?: boolean;

  @Field(oneOf(KEY_SORT_FIELDS))
  sort_by?: KeySortField;

  @Field(oneOf(['asc', 'desc']))
  sort_order?: 'asc' | 'desc';

  /** `user`: the key's user beside it. Makes objects of the entries. */
  @Field(listOf(oneOf(['user'])), toList)
  expand?: string[];

  /** `deleted`: those, instead of the live ones. */
  @Field(oneOf(['deleted']))
  status?: 'deleted';
}

/** Query of `GET /key/aliases`. */
export class KeyAliasesDefinition {
  @Field(integerBetween(1, PAGE_MAX), toNumber)
  page?: number;

  /** Default and most: 100. */
  @Field(integerBetween(1, KEYS_ON_PAGE_MAX), toNumber)
  size?: number;

  /** Part of the alias, in whatever case. */
  @Field(text)
  search?: string;
}
