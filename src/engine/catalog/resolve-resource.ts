import { GatewayError } from '../../core/errors/gateway-error.js';
import type { AccessView, ServerView } from '../../core/model/access-view.js';
import { fromGatewayUri } from '../../core/protocol/resource-uri.js';
import { templateMatches } from '../../core/protocol/uri-template.js';
import type { Caller } from './caller.js';
import type { Catalog } from './catalog.js';

/** A resource URI, resolved: which server, and what it calls the resource. */
export interface ResourceTarget {
  readonly server: ServerView;
  readonly uri: string;
}

/**
 * Public resource URI → server and upstream URI (contract §4): the gateway's own form names its server; a plain URI
 * belongs to the one visible server that lists it, else to the one whose template matches it, else, in a one-server
 * scope, to that server. Throws `access/unknown_resource` or `access/ambiguous_name`.
 */
export async function resolveResource(
  catalog: Catalog,
  view: AccessView,
  caller: Caller,
  uri: string,
): Promise<ResourceTarget> {
  const foreign = fromGatewayUri(uri);
  const named = foreign === undefined ? undefined : view.byPrefix.get(foreign.prefix);
  if (foreign !== undefined && named !== undefined) return { server: named, uri: foreign.uri };
  const only = view.servers.length === 1 ? view.servers[0] : undefined;
  if (only !== undefined) return { server: only, uri };

  const { lists: resources } = await catalog.gather('resources', view, caller);
  const owners = resources.filter(({ list }) => list.find(uri) !== undefined);
  const owner = single(owners, uri);
  if (owner !== undefined) return { server: owner.server, uri };

  const { lists: templates } = await catalog.gather('templates', view, caller);
  const matching = templates.filter(({ list }) => list.items.some((item) => templateMatches(item.identity, uri)));
  const match = single(matching, uri);
  if (match !== undefined) return { server: match.server, uri };
  throw unknownResource(uri);
}

/** The template a completion refers to; template texts are matched literally, in either form. */
export async function resolveTemplate(
  catalog: Catalog,
  view: AccessView,
  caller: Caller,
  template: string,
): Promise<ResourceTarget> {
  const foreign = fromGatewayUri(template);
  const named = foreign === undefined ? undefined : view.byPrefix.get(foreign.prefix);
  if (foreign !== undefined && named !== undefined) return { server: named, uri: foreign.uri };
  const only = view.servers.length === 1 ? view.servers[0] : undefined;
  if (only !== undefined) return { server: only, uri: template };
  const { lists } = await catalog.gather('templates', view, caller);
  const owner = single(
    lists.filter(({ list }) => list.find(template) !== undefined),
    template,
  );
  return owner === undefined
    ? await resolveResource(catalog, view, caller, template)
    : { server: owner.server, uri: template };
}

function single<T extends { readonly server: ServerView }>(owners: readonly T[], uri: string): T | undefined {
  if (owners.length > 1) {
    const servers = owners.map(({ server }) => server.entry.name);
    throw new GatewayError('access/ambiguous_name', {
      detail: `${uri} belongs to several servers (${servers.join(', ')}); use the URI as resources/list shows it`,
    });
  }
  return owners[0];
}

function unknownResource(uri: string): GatewayError {
  return new GatewayError('access/unknown_resource', { detail: uri, data: { uri } });
}
