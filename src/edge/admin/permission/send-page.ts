import type { Response } from 'express';
import { PAGE_SIZE_MAX, pageOf, type PageQuery } from '../../../core/definition/page-query.definition.js';

/** The part of a list that is asked for, all of it when no page is; how long it is stands in `X-Total-Count`. */
export function sendPage<T>(response: Response, query: PageQuery, items: readonly T[]): readonly T[] {
  response.setHeader('X-Total-Count', String(items.length));
  if (query.page === undefined && query.page_size === undefined) return items;
  const { skip, size } = pageOf(query, PAGE_SIZE_MAX);
  return items.slice(skip, skip + size);
}
