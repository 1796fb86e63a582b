// The scale of what an autoscaler points at, whatever kind that is (horizontal.go scaleForResourceMappings; client-go scale).
import type { autoscalingv1, KubeObject, ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isConflict } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import { type DiscoveredResource, discoveredResources } from '../discovered-resources.ts';
import type { Scale } from './proposals.ts';

/** Discovery is asked again after so long, as upstream's mapper. */
const DISCOVERY_MS = 30_000;
const CONFLICTS_MAX = 5;

const groupOf = (apiVersion: string) => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

/** What the server serves, remembered for a while. */
export class Discovery {
  readonly #client: Client;
  readonly #clock: Clock;
  #found: Promise<readonly DiscoveredResource[]> | undefined;
  #atMs = 0;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async #resources(): Promise<readonly DiscoveredResource[]> {
    const nowMs = this.#clock.now();
    if (!this.#found || nowMs >= this.#atMs + DISCOVERY_MS) {
      this.#atMs = nowMs;
      this.#found = discoveredResources(this.#client);
      this.#found.catch(() => {
        this.#found = undefined;
      });
    }
    return this.#found;
  }

  async resourcesOf(apiVersion: string, kind: string): Promise<ResourceType[]> {
    const group = groupOf(apiVersion);
    const found = (await this.#resources()).filter(({ type }) => type.group === group && type.kind === kind);
    if (found.length === 0) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
    return found.map(({ type }) => type);
  }

  async versionOf(group: string): Promise<string | undefined> {
    return (await this.#resources()).find(({ type }) => type.group === group)?.type.version;
  }
}

export interface Target {
  type: ResourceType;
  object: autoscalingv1.Scale;
}

export const scaleFacts = ({ object }: Target): Scale => ({
  specReplicas: object.spec?.replicas ?? 0,
  statusReplicas: object.status?.replicas ?? 0,
  selector: object.status?.selector ?? '',
});

const scaleAt = async (client: Client, type: ResourceType, name: string, namespace: string): Promise<Target> => ({
  type,
  object: (await client.of(type).get(name, namespace, 'scale')) as autoscalingv1.Scale,
});

/** The first resource of the kind that has such a scale; the first one's error when none has. */
export async function findTarget(
  client: Client,
  discovery: Discovery,
  reference: { apiVersion?: string; kind: string; name: string },
  namespace: string,
): Promise<Target> {
  const types = await discovery.resourcesOf(reference.apiVersion ?? '', reference.kind);
  let first: unknown;
  for (const type of types) {
    try {
      return await scaleAt(client, type, reference.name, namespace);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

/** Sets the size; somebody else's change in between is taken over first. */
export async function resize(client: Client, target: Target, replicas: number): Promise<void> {
  let current = target;
  for (let attempt = 1; ; attempt++) {
    const { name = '', namespace = '' } = current.object.metadata ?? {};
    const wanted = { ...current.object, spec: { ...current.object.spec, replicas } };
    try {
      await client.of(current.type).update(wanted as KubeObject, { subresource: 'scale' });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === CONFLICTS_MAX) throw error;
      current = await scaleAt(client, current.type, name, namespace);
    }
  }
}
