// Aggregated discovery (KEP-3352): every group, version and resource in one document, with an ETag.
import { createHash } from 'node:crypto';
import type { ApiResponse } from '@tiphys/machinery';
import type { RequestContext } from '../request/context.ts';
import type { Endpoint, Resources } from '../resources.ts';
import { servedGroups } from './classic.ts';
import { aggregatedVersion } from './delegated.ts';

const GROUP = 'apidiscovery.k8s.io';
export const AGGREGATED_VERSIONS: readonly string[] = ['v2', 'v2beta1'];

export const isAggregated = (kind: string, group: string, version: string): boolean =>
  kind === 'APIGroupDiscoveryList' && group === GROUP && AGGREGATED_VERSIONS.includes(version);

/** Built-in resources say the group and version of a kind only where they differ from the resource's; custom ones always do. */
function resourceItem({ definition, codec }: Endpoint): object {
  const { type, singularName, verbs, shortNames, categories } = definition;
  const isCustom = codec.openApiSchema !== undefined;
  const kindOf = (group: string, version: string, kind: string) =>
    !isCustom && group === type.group && version === type.version ? { group: '', version: '', kind } : { group, version, kind };
  const subresource = (name: string, responseKind: object, subVerbs: readonly string[]) => ({
    subresource: name,
    responseKind,
    verbs: subVerbs,
  });
  const subresources: { subresource: string }[] = [];
  const own = kindOf(type.group, type.version, type.kind);
  if (definition.status) subresources.push(subresource('status', own, ['get', 'patch', 'update']));
  if (definition.scale) subresources.push(subresource('scale', kindOf('autoscaling', 'v1', 'Scale'), ['get', 'patch', 'update']));
  for (const { name, kind, group, version, verbs: subVerbs } of definition.subresources ?? []) {
    subresources.push(subresource(name, kindOf(group ?? type.group, version ?? type.version, kind), subVerbs));
  }
  if (!isCustom) subresources.sort((a, b) => (a.subresource < b.subresource ? -1 : 1));
  return {
    resource: type.resource,
    responseKind: own,
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singularName,
    verbs,
    ...(shortNames?.length ? { shortNames } : {}),
    ...(categories?.length ? { categories } : {}),
    ...(subresources.length ? { subresources } : {}),
  };
}

function listOf(resources: Resources, core: boolean, apiVersion: string): object {
  const endpoints = resources.told();
  const delegated = (group: string, version: string) =>
    resources.delegated.find((each) => each.group === group && each.version === version);
  const local = (group: string, version: string) => ({
    version,
    resources: endpoints
      .filter(({ type }) => type.group === group && type.version === version)
      .sort((a, b) => (a.type.resource < b.type.resource ? -1 : 1))
      .map(resourceItem),
    freshness: 'Current',
  });
  const items = servedGroups(resources)
    .filter(({ group }) => (group === '') === core)
    .map(({ group, versions }) => ({
      group,
      versions: versions.filter((one) => delegated(group, one) || resources.hasGroupVersion(group, one)),
    }))
    .filter(({ versions }) => versions.length > 0)
    .map(({ group, versions }) => ({
      metadata: { ...(group ? { name: group } : {}), creationTimestamp: null },
      versions: versions.map((one) => {
        const other = delegated(group, one);
        return other ? aggregatedVersion(other) : local(group, one);
      }),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `${GROUP}/${apiVersion}`, metadata: {}, items };
}

interface Kept {
  generation: number;
  bytes: Buffer;
  etag: string;
}

/** Keeps the documents until what is served changes. */
export class AggregatedDiscovery {
  readonly #resources: Resources;
  readonly #kept = new Map<string, Kept>();

  constructor(resources: Resources) {
    this.#resources = resources;
  }

  answer(context: RequestContext, core: boolean, version: string): ApiResponse {
    const { bytes, etag } = this.#document(core, version);
    const headers = {
      etag,
      vary: 'Accept',
      'cache-control': 'public',
      'content-type': `application/json;g=${GROUP};v=${version};as=APIGroupDiscoveryList`,
    };
    if (context.request.headers['if-none-match'] === etag) return { status: 304, headers, body: { kind: 'empty' } };
    return { status: 200, headers, body: { kind: 'bytes', bytes } };
  }

  #document(core: boolean, version: string): Kept {
    const key = `${core}/${version}`;
    const { generation } = this.#resources;
    let kept = this.#kept.get(key);
    if (kept?.generation !== generation) {
      const bytes = Buffer.from(`${JSON.stringify(listOf(this.#resources, core, version))}\n`);
      kept = { generation, bytes, etag: JSON.stringify(createHash('sha512').update(bytes).digest('hex').toUpperCase()) };
      this.#kept.set(key, kept);
    }
    return kept;
  }
}
