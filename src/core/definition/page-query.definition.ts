import { integerBetween, oneOf } from './field-checks.js';
import { Field, toNumber } from './field-decorators.js';

const PAGE_MAX = 1_000_000;
export const PAGE_SIZE_MAX = 100;

/** `?page=&page_size=` of a list. */
export class PageQuery {
  @Field(integerBetween(1, PAGE_MAX), toNumber)
  page?: number;

  @Field(integerBetween(1, PAGE_SIZE_MAX), toNumber)
  page_size?: number;
}

/** The same, with an order. */
export class SortedPageQuery extends PageQuery {
  @Field(oneOf(['asc', 'desc']))
  sort_order?: 'asc' | 'desc';
}

export interface Page {
  readonly page: number;
  readonly size: number;
  readonly skip: number;
}

/** The part of a list that is asked for. */
export function pageOf(query: PageQuery, defaultSize: number): Page {
  const page = query.page ?? 1;
  const size = query.page_size ?? defaultSize;
  return { page, size, skip: (page - 1) * size };
}
