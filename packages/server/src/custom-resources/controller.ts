// Brings custom resources to life and takes them away: names, conditions, serving and cleaning up
// (apiextensions controller/{status,establish,finalizer}).
import { apiextensionsv1, type KubeObject, pathOf, type WatchEvent } from '@tiphys/api';
import { isConflict, isNotFound, jsonEqual } from '@tiphys/machinery';
import type { Clock, Logger, Random } from '@tiphys/runtime';
import type { WebhookCaller } from '../admission/webhook/call.ts';
import type { ApiServer } from '../api-server.ts';
import { LOOPBACK_USER, type Loopback, loopback } from '../bootstrap/loopback.ts';
import {
  CLEANUP_FINALIZER,
  conditionOf,
  DELETION_PENDING,
  type Definition,
  establishing,
  isTrue,
  naming,
  withCondition,
} from './conditions.ts';
import { hasBadAuthority } from './conversion-rules.ts';
import { type ConversionOptions, webhookConverter } from './conversion-webhook.ts';
import { servedVersion, typeOf } from './served-version.ts';

const RETRY_MS = 1000;
/** How often it is looked whether all instances of a deleted definition are gone. */
const CLEANUP_POLL_MS = 100;
const CLEANUP_POLLS_MAX = 600;

const CRDS = apiextensionsv1.customresourcedefinitions;

interface Served {
  versions: Map<string, string>;
}

export interface CustomResources {
  /** Serves what is stored already and follows changes from there. */
  start(): Promise<void>;
  stop(): void;
}

export interface CustomResourceOptions {
  clock: Clock;
  log: Logger;
  random: Random;
  /** Calls conversion webhooks. */
  caller: WebhookCaller;
}

export function customResources(server: ApiServer, options: CustomResourceOptions): CustomResources {
  const controller = new CustomResourceController(server, options);
  return { start: () => controller.start(), stop: () => controller.stop() };
}

class CustomResourceController {
  readonly #server: ApiServer;
  readonly #client: Loopback;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #conversion: ConversionOptions;
  readonly #served = new Map<string, Served>();
  readonly #queue = new Set<string>();
  #working: Promise<void> | undefined;
  #stopWatch = () => {};
  #stopped = false;

  constructor(server: ApiServer, { clock, log, random, caller }: CustomResourceOptions) {
    this.#server = server;
    this.#client = loopback(server);
    this.#clock = clock;
    this.#log = log;
    this.#conversion = { caller, random, reader: server.reader };
  }

  async start(): Promise<void> {
    await this.#server.ready;
    await this.#follow();
    await this.#idle();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopWatch();
  }

  async #follow(): Promise<void> {
    const response = await this.#server.handle({ method: 'GET', url: `${pathOf(CRDS)}?watch=true`, headers: {}, user: LOOPBACK_USER });
    if (response.body.kind !== 'watch') throw new Error(`watching ${CRDS.resource} answered ${response.status}`);
    const onEvents = (events: readonly WatchEvent<KubeObject>[]) => {
      for (const { object } of events) if (object.metadata?.name) this.#add(object.metadata.name);
    };
    const onEnd = () => {
      if (!this.#stopped) this.#clock.after(0, () => void this.#follow());
    };
    this.#stopWatch = response.body.watch.subscribe(onEvents, onEnd);
    for (const crd of this.#server.reader.list(CRDS)) this.#add(crd.metadata!.name!);
  }

  #add(name: string): void {
    this.#queue.add(name);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #idle(): Promise<void> {
    while (this.#working) await this.#working;
  }

  async #work(): Promise<void> {
    for (const name of this.#queue) {
      if (this.#stopped) return;
      this.#queue.delete(name);
      try {
        await this.#sync(name);
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) continue;
        this.#log.error('a custom resource definition could not be brought up to date', error, { name });
        this.#clock.after(RETRY_MS, () => this.#add(name));
      }
    }
  }

  async #sync(name: string): Promise<void> {
    const crd = this.#server.reader.get(CRDS, name);
    if (!crd) {
      this.#withdraw(name, new Set());
      return this.#offerNames(name.slice(name.indexOf('.') + 1));
    }
    if (crd.metadata?.deletionTimestamp) return this.#cleanUp(crd);
    if (isTrue(crd, 'NamesAccepted')) await this.#serve(crd);
    const now = this.#now();
    const named = naming(crd, this.#server.reader.list(CRDS), now);
    if (named) {
      await this.#writeStatus(crd, { ...crd.status, ...named });
      return this.#offerNames(crd.spec.group);
    }
    const conditions = establishing(crd, hasBadAuthority(crd), now);
    if (conditions) await this.#writeStatus(crd, { ...crd.status, conditions });
  }

  /** Names of the group may be free now; somebody may be waiting for them. */
  #offerNames(group: string): void {
    for (const { metadata, spec, status } of this.#server.reader.list(CRDS)) {
      if (spec.group === group && !jsonEqual(spec.names, status?.acceptedNames ?? {})) this.#add(metadata!.name!);
    }
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  async #writeStatus(crd: Definition, status: Definition['status']): Promise<void> {
    await this.#client.update(CRDS, { ...crd, status } as Definition, 'status');
    // The event of this write comes back and goes on from here.
  }

  async #serve(crd: Definition): Promise<void> {
    const name = crd.metadata!.name!;
    const served = this.#served.get(name) ?? { versions: new Map<string, string>() };
    this.#served.set(name, served);
    // The storage version first: it decides in which form objects are stored.
    const versions = crd.spec.versions.filter((version) => version.served).sort((a, b) => Number(b.storage) - Number(a.storage));
    const shape = JSON.stringify([
      crd.spec.names,
      crd.status?.acceptedNames,
      crd.status?.storedVersions,
      crd.spec.conversion,
      crd.spec.scope,
      hasBadAuthority(crd) && isTrue(crd, 'Established'),
      // Objects stored in one version are read by its schema before they are another's.
      crd.spec.versions.map(({ name, schema, storage }) => [name, schema, storage]),
    ]);
    for (const version of versions) {
      const key = `${shape}${JSON.stringify(version)}`;
      if (served.versions.get(version.name) === key) continue;
      const convert = crd.spec.conversion?.strategy === 'Webhook' ? webhookConverter(crd, this.#conversion) : undefined;
      const { definition, codec } = servedVersion(crd, version, convert);
      await this.#server.addDefinition(definition, codec);
      served.versions.set(version.name, key);
    }
    this.#withdraw(name, new Set(versions.map((version) => version.name)));
  }

  #withdraw(name: string, keep: ReadonlySet<string>): void {
    const served = this.#served.get(name);
    if (!served) return;
    const at = name.indexOf('.');
    for (const version of [...served.versions.keys()]) {
      if (keep.has(version)) continue;
      this.#server.removeDefinition({ group: name.slice(at + 1), version, resource: name.slice(0, at) });
      served.versions.delete(version);
    }
    if (served.versions.size === 0) this.#served.delete(name);
  }

  /** Deletes every instance, waits until they are gone, and lets the definition go. */
  async #cleanUp(crd: Definition): Promise<void> {
    if (!crd.metadata!.finalizers?.includes(CLEANUP_FINALIZER)) return;
    const terminating = (status: string, reason: string, message: string) => ({ type: 'Terminating', status, reason, message });
    const withTerminating = (current: Definition, condition: ReturnType<typeof terminating>): Definition => ({
      ...current,
      status: { ...current.status, conditions: withCondition(current.status?.conditions, condition, this.#now()) },
    });
    if (!isTrue(crd, 'Terminating') || conditionOf(crd, 'Terminating')?.reason === DELETION_PENDING) {
      await this.#client.update(
        CRDS,
        withTerminating(crd, terminating('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress')),
        'status',
      );
      return;
    }
    let condition = terminating('False', 'NeverEstablished', 'resource was never established');
    if (isTrue(crd, 'Established')) {
      if (!this.#served.has(crd.metadata!.name!)) await this.#serve(crd);
      condition = (await this.#deleteInstances(crd))
        ? terminating('False', 'InstanceDeletionCompleted', 'removed all instances')
        : terminating(
            'True',
            'InstanceDeletionCheck',
            'could not confirm zero CustomResources remaining: timed out waiting for the condition',
          );
    }
    const last = withTerminating(crd, condition);
    if (condition.status === 'True') {
      await this.#client.update(CRDS, last, 'status');
      throw new Error(condition.message);
    }
    // One write of the status, which takes metadata too: one of the whole would be refused where the status has become invalid.
    const finalizers = crd.metadata!.finalizers.filter((each) => each !== CLEANUP_FINALIZER);
    await this.#client.update(CRDS, { ...last, metadata: { ...last.metadata, finalizers } }, 'status');
  }

  async #deleteInstances(crd: Definition): Promise<boolean> {
    const version = crd.spec.versions.find((each) => each.served && each.storage) ?? crd.spec.versions.find((each) => each.served);
    if (!version) return true;
    const type = typeOf(crd, version.name);
    const instances = () => this.#server.reader.list(type);
    for (const namespace of new Set(instances().map((each) => each.metadata?.namespace))) {
      await this.#server.handle({ method: 'DELETE', url: pathOf(type, namespace), headers: {}, user: LOOPBACK_USER });
    }
    for (let poll = 0; poll < CLEANUP_POLLS_MAX && instances().length > 0; poll++) {
      if (this.#stopped) return false;
      await this.#clock.sleep(CLEANUP_POLL_MS);
    }
    return instances().length === 0;
  }
}
