// Keeps the condition of every APIService true: looks when it, its service or the service's endpoints change, and every
// half minute (kube-aggregator controllers/status/remote/remote_available_controller.go).
import { apiregistrationv1, corev1, discoveryv1, type KubeObject, type ResourceType, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import type { Clock, Logger } from '@tiphys/runtime';
import { type FollowOptions, follow } from '../bootstrap/follow.ts';
import type { Loopback } from '../bootstrap/loopback.ts';
import { type Judgement, judgeDiscovery, judgeService, withAvailable } from './availability.ts';
import type { ApiService, Backends } from './backend.ts';
import type { RemoteDocuments } from './documents.ts';

const APISERVICES = apiregistrationv1.apiservices;
const RESYNC_MS = 30_000;
const RETRY_FIRST_MS = 5;
const RETRY_LAST_MS = 30_000;
const SERVICE_NAME = 'kubernetes.io/service-name';

export interface AvailabilityOptions extends FollowOptions {
  log: Logger;
  client: Loopback;
  backends: Backends;
  documents: RemoteDocuments;
  /** Something about what the servers behind serve has changed. */
  changed(): void;
}

export class AvailabilityController {
  readonly #options: AvailabilityOptions;
  /** Names by `namespace/name` of their service. */
  #byService = new Map<string, Set<string>>();
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, ReturnType<Clock['after']>>();
  readonly #known = new Set<string>();
  readonly #stops: (() => void)[] = [];
  #followsServices = false;
  #stopped = false;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#follow(APISERVICES, (objects) => this.#onApiServices(objects));
  }

  async #follow<T extends KubeObject>(type: ResourceType<T>, onObjects: (objects: readonly T[]) => void): Promise<void> {
    const stop = await follow(this.#options, type, onObjects);
    if (this.#stopped) stop();
    else this.#stops.push(stop);
  }

  /** Services and their endpoints are many; they are followed from the first APIService on that has one. */
  #followServices(): void {
    if (this.#followsServices) return;
    this.#followsServices = true;
    const ofService = (namespace: string | undefined, name: string | undefined) => {
      for (const each of this.#byService.get(`${namespace}/${name}`) ?? []) this.#look(each);
    };
    const failed = (error: unknown) => this.#options.log.error('services behind APIServices are not followed', error);
    this.#follow(corev1.services, (objects) => {
      for (const { metadata } of objects) ofService(metadata?.namespace, metadata?.name);
    }).catch(failed);
    this.#follow(discoveryv1.endpointslices, (objects) => {
      for (const { metadata } of objects) ofService(metadata?.namespace, metadata?.labels?.[SERVICE_NAME]);
    }).catch(failed);
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #onApiServices(objects: readonly ApiService[]): void {
    const byService = new Map<string, Set<string>>();
    for (const { metadata, spec } of this.#options.reader.list(APISERVICES)) {
      if (!spec?.service) continue;
      const key = `${spec.service.namespace}/${spec.service.name}`;
      byService.set(key, (byService.get(key) ?? new Set()).add(metadata!.name!));
    }
    this.#byService = byService;
    if (byService.size > 0) this.#followServices();
    for (const { metadata, spec } of objects) {
      if (spec?.service || this.#known.has(metadata!.name!)) this.#options.changed();
      this.#look(metadata!.name!);
    }
  }

  #look(name: string): void {
    if (this.#stopped) return;
    if (this.#busy.has(name)) {
      this.#again.add(name);
      return;
    }
    this.#busy.add(name);
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    void this.#sync(name)
      .catch((error) => {
        if (isNotFound(error) || isConflict(error)) return true;
        this.#options.log.error('the availability of an APIService could not be told', error, { name });
        return false;
      })
      .then((fine) => this.#next(name, fine));
  }

  #next(name: string, fine: boolean): void {
    this.#busy.delete(name);
    if (this.#stopped) return;
    if (this.#again.delete(name)) {
      this.#look(name);
      return;
    }
    const failures = fine ? 0 : (this.#failures.get(name) ?? 0) + 1;
    if (failures > 0) this.#failures.set(name, failures);
    else this.#failures.delete(name);
    if (!this.#known.has(name) && fine) return;
    const delayMs = fine ? RESYNC_MS : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** (failures - 1));
    this.#timers.set(
      name,
      this.#options.clock.after(delayMs, () => this.#look(name)),
    );
  }

  /** False: to be tried again soon. */
  async #sync(name: string): Promise<boolean> {
    const { reader, backends, clock, documents } = this.#options;
    const apiService = reader.get(APISERVICES, name);
    if (!apiService?.spec?.service) {
      this.#known.delete(name);
      backends.forget(name);
      documents.forget(name);
      if (apiService) await this.#write(apiService, judgeService(reader, apiService)!);
      return true;
    }
    this.#known.add(name);
    const known = judgeService(reader, apiService);
    if (known) {
      await this.#write(apiService, known);
      return true;
    }
    const { judgement, document } = await judgeDiscovery({ backends, clock }, apiService);
    const news = document ? documents.resources(name, document) : false;
    await this.#write(apiService, judgement);
    const openApiNews = document ? await documents.openApi(apiService) : false;
    if (news || openApiNews) this.#options.changed();
    return judgement.status === 'True';
  }

  async #write(apiService: ApiService, judgement: Judgement): Promise<void> {
    const status = withAvailable(apiService, judgement, timeText(this.#options.clock.now()));
    if (status) await this.#options.client.update(APISERVICES, { ...apiService, status } as ApiService, 'status');
  }
}
