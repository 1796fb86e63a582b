// Which resources the server has and by which names people call them: plural, singular, kind, short name, category,
// `deployments.apps`, `deployments.v1.apps` (client-go restmapper; kubectl's short cut and category expanders).
import { apiVersionOf, type ResourceType } from '@tiphys/api';
import { CommandError } from '../terminal.ts';
import type { Session } from './session.ts';

export interface ApiResource extends ResourceType<any> {
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  verbs: readonly string[];
}

export interface Discovery {
  all: readonly ApiResource[];
  /** The resources that a word such as `po`, `deploy.apps` or `all` means. Throws when it means none. */
  named(word: string): ApiResource[];
  ofKind(apiVersion: string, kind: string): ApiResource | undefined;
}

const AGGREGATED = ['v2', 'v2beta1'].map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
const ACCEPT = [...AGGREGATED, 'application/json'].join(',');

interface AggregatedList {
  kind: string;
  items: {
    metadata: { name?: string };
    versions: {
      version: string;
      resources?: {
        resource: string;
        responseKind?: { kind: string };
        scope: string;
        singularResource?: string;
        verbs: string[];
        shortNames?: string[];
        categories?: string[];
      }[];
    }[];
  }[];
}

function fromAggregated(list: AggregatedList): ApiResource[] {
  return list.items.flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map((resource) => ({
        group: metadata.name ?? '',
        version,
        resource: resource.resource,
        kind: resource.responseKind?.kind ?? '',
        namespaced: resource.scope === 'Namespaced',
        singular: resource.singularResource ?? '',
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        verbs: resource.verbs,
      })),
    ),
  );
}

interface ClassicList {
  resources: {
    name: string;
    kind: string;
    namespaced: boolean;
    singularName: string;
    verbs: string[];
    shortNames?: string[];
    categories?: string[];
  }[];
}

async function classic(session: Session, path: string, group: string, version: string): Promise<ApiResource[]> {
  // A group whose server is away must not hide the others.
  const list = await session.call<ClassicList>('GET', path).catch(() => ({ resources: [] }));
  return list.resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, singularName, verbs, shortNames = [], categories = [] }) => {
      return {
        group,
        version,
        resource: name,
        kind,
        namespaced,
        singular: singularName || kind.toLowerCase(),
        shortNames,
        categories,
        verbs,
      };
    });
}

async function fetchAll(session: Session): Promise<ApiResource[]> {
  const headers = { accept: ACCEPT };
  const [core, groups] = await Promise.all([session.call('GET', '/api', { headers }), session.call('GET', '/apis', { headers })]);
  if (core.kind === 'APIGroupDiscoveryList' && groups.kind === 'APIGroupDiscoveryList')
    return [...fromAggregated(core), ...fromAggregated(groups)];
  const versions: [string, string, string][] = [['/api/v1', '', 'v1']];
  for (const { name, versions: served } of groups.groups ?? [])
    for (const { version } of served) versions.push([`/apis/${name}/${version}`, name, version]);
  return (await Promise.all(versions.map(([path, group, version]) => classic(session, path, group, version)))).flat();
}

const isNamed = (resource: ApiResource, word: string) =>
  resource.resource === word || resource.singular === word || resource.kind.toLowerCase() === word;

/** `deployments.v1.apps`, `deployments.apps` or `deployments`; groups have dots of their own, so each reading is tried. */
function readings(word: string): { name: string; version?: string; group?: string }[] {
  const [name = '', second, ...rest] = word.toLowerCase().split('.');
  if (second === undefined) return [{ name }];
  const whole = { name, group: [second, ...rest].join('.') };
  return rest.length > 0 ? [{ name, version: second, group: rest.join('.') }, whole] : [whole];
}

export function discoveryOf(all: readonly ApiResource[]): Discovery {
  const listable = all.filter(({ verbs }) => verbs.includes('list') || verbs.includes('get') || verbs.includes('create'));
  const find = (matches: (resource: ApiResource) => boolean) => listable.find(matches);
  const single = (word: string): ApiResource | undefined => {
    for (const { name, version, group } of readings(word)) {
      const fits = (resource: ApiResource) =>
        (group === undefined || resource.group === group) && (version === undefined || resource.version === version);
      const found =
        find((resource) => fits(resource) && isNamed(resource, name)) ??
        find((resource) => fits(resource) && resource.shortNames.includes(name));
      if (found) return found;
    }
    return undefined;
  };
  const category = (word: string): ApiResource[] => {
    const seen = new Set<string>();
    return listable.filter(({ group, resource, categories, verbs }) => {
      const key = `${resource}.${group}`;
      if (!categories.includes(word) || !verbs.includes('list') || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  };
  return {
    all,
    named: (word) => {
      const found = single(word);
      if (found) return [found];
      const members = category(word);
      if (members.length > 0) return members;
      throw new CommandError(`the server doesn't have a resource type ${JSON.stringify(word.split('.')[0])}`);
    },
    ofKind: (apiVersion, kind) => all.find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion),
  };
}

export async function discover(session: Session): Promise<Discovery> {
  return discoveryOf(await fetchAll(session));
}
