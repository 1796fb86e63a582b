// An APIService for every group version that custom resource definitions serve
// (pkg/controlplane/controller/crdregistration, kube-aggregator controllers/autoregister).
import { apiextensionsv1, apiregistrationv1 } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import type { Logger } from '@tiphys/runtime';
import { type FollowOptions, follow } from '../bootstrap/follow.ts';
import type { Loopback } from '../bootstrap/loopback.ts';

const CRDS = apiextensionsv1.customresourcedefinitions;
const APISERVICES = apiregistrationv1.apiservices;
const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';
const GROUP_PRIORITY = 1000;
const VERSION_PRIORITY = 100;
const RETRY_MS = 1000;

export interface RegistrationOptions extends FollowOptions {
  log: Logger;
  client: Loopback;
}

type ApiService = apiregistrationv1.APIService;

const serviceFor = (group: string, version: string): ApiService => ({
  metadata: { name: `${version}.${group}`, labels: { [MANAGED]: 'true' } },
  spec: { group, version, groupPriorityMinimum: GROUP_PRIORITY, versionPriority: VERSION_PRIORITY },
});

const isSame = (a: ApiService['spec'], b: ApiService['spec']): boolean =>
  a?.groupPriorityMinimum === b?.groupPriorityMinimum && a?.versionPriority === b?.versionPriority && a?.service === b?.service;

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #queue = new Set<string>();
  #working: Promise<void> | undefined;
  #stops: (() => void)[] = [];
  #stopped = false;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#stops = await Promise.all([
      follow(this.#options, CRDS, (crds) => {
        for (const { spec } of crds) for (const { name } of spec.versions) this.#add(`${name}.${spec.group}`);
      }),
      follow(this.#options, APISERVICES, (services) => {
        for (const { metadata } of services) if (metadata?.labels?.[MANAGED] === 'true') this.#add(metadata.name!);
      }),
    ]);
    while (this.#working) await this.#working;
    if (this.#stopped) this.stop();
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
  }

  #add(name: string): void {
    this.#queue.add(name);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    for (const name of this.#queue) {
      if (this.#stopped) return;
      this.#queue.delete(name);
      try {
        await this.#sync(name);
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) continue;
        this.#options.log.error('an APIService could not be brought up to date', error, { name });
        this.#options.clock.after(RETRY_MS, () => !this.#stopped && this.#add(name));
      }
    }
  }

  async #sync(name: string): Promise<void> {
    const { reader, client } = this.#options;
    const dot = name.indexOf('.');
    const [version, group] = [name.slice(0, dot), name.slice(dot + 1)];
    const isServed = reader
      .list(CRDS)
      .some(({ spec }) => spec.group === group && spec.versions.some((each) => each.name === version && each.served));
    const current = reader.get(APISERVICES, name);
    if (!current) {
      if (isServed) await client.ensure(APISERVICES, serviceFor(group, version));
      return;
    }
    // Somebody else's to keep: it may even delegate a group that definitions are in.
    if (current.metadata?.labels?.[MANAGED] !== 'true') return;
    if (!isServed) return client.delete(APISERVICES, name);
    const { spec } = serviceFor(group, version);
    if (!isSame(current.spec, spec)) await client.update(APISERVICES, { ...current, spec } as ApiService);
  }
}
