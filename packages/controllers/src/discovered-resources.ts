// Every resource the server serves now, custom ones included, from aggregated discovery.
import { type ResourceType, resourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { Retryable } from '@tiphys/std';

export interface DiscoveredResource {
  type: ResourceType;
  verbs: readonly string[];
}

interface GroupList {
  items?: {
    metadata?: { name?: string };
    versions?: { version: string; resources?: { resource: string; responseKind: { kind: string }; scope: string; verbs?: string[] }[] }[];
  }[];
}

const ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** The preferred version of each resource. Rejects with Retryable when discovery fails. */
export async function discoveredResources(client: Client): Promise<DiscoveredResource[]> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => client.raw('GET', path, undefined, { accept: ACCEPT })));
  const found = new Map<string, DiscoveredResource>();
  for (const { status, body } of lists) {
    if (status !== 200) throw new Retryable(`discovery answered ${status}`);
    for (const group of (body as GroupList).items ?? []) {
      for (const { version, resources } of group.versions ?? []) {
        for (const { resource, responseKind, scope, verbs } of resources ?? []) {
          const name = group.metadata?.name ?? '';
          const key = `${name}/${resource}`;
          if (found.has(key)) continue;
          found.set(key, { type: resourceType(name, version, resource, responseKind.kind, scope === 'Namespaced'), verbs: verbs ?? [] });
        }
      }
    }
  }
  return [...found.values()];
}
