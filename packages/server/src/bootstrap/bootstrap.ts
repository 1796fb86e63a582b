// Fills a new cluster and repairs an old one before the server says that it is ready.
import { isDeepStrictEqual } from 'node:util';
import {
  apiregistrationv1,
  corev1,
  discoveryv1,
  type KubeObject,
  networkingv1,
  type ResourceType,
  schedulingv1,
  timeText,
} from '@tiphys/api';
import { type ApiHandler, isAlreadyExists, isConflict } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock } from '@tiphys/runtime';
import { reconcilePolicy } from '../authorization/policy/reconcile.ts';
import { ensureFlowControl } from '../flow-control/ensure.ts';
import { localApiServices } from './api-services.ts';
import { type Loopback, loopback } from './loopback.ts';
import * as objects from './objects.ts';
import type { ServerLeases } from './server-leases.ts';

/** How often the kubernetes Service's endpoints are looked after. */
const ENDPOINTS_INTERVAL_MS = 10_000;
const CONFLICT_RETRIES_MAX = 5;

export interface BootstrapOptions {
  handler: ApiHandler;
  reader: ResourceReader;
  clock: Clock;
  /** Absent: no Endpoints are kept for the kubernetes Service (an API server that pods don't reach). */
  advertised?: objects.Advertised;
  /** Where several servers share a store: who of them is alive. */
  leases?: ServerLeases;
  serviceCidrs: readonly string[];
  /** Authority of client certificates, published to aggregated servers. */
  clientCertificateAuthorityPem?: string;
  trustedProxies?: objects.TrustedProxies;
}

/** Resolves when all is in place. What exists already costs a look into the caches only. */
export async function bootstrapCluster(options: BootstrapOptions): Promise<void> {
  const client = loopback(options.handler);
  const { reader } = options;
  const wanted: KubeObject[] = objects.SYSTEM_NAMESPACES.map((name) => ({ metadata: { name } }));
  await Promise.all(wanted.map((object) => keep(client, reader, { type: corev1.namespaces, object })));
  // Allocation of the first Service's address needs the range.
  await keep(client, reader, serviceCidr(options));
  // Before the others begin: should it fail nobody would hear of them.
  const alive = await aliveOf(options);
  await Promise.all([
    reconcilePolicy(client, reader),
    ensureFlowControl(client, reader),
    ...[...dataOf(options), ...endpointsOf(alive)].map((each) => keep(client, reader, each)),
  ]);
}

/** With the addresses of all servers that are alive. */
async function aliveOf({ advertised, leases }: BootstrapOptions): Promise<objects.Advertised | undefined> {
  if (!advertised || !leases || advertised.addresses.length === 0) return advertised;
  return { ...advertised, addresses: await leases.renew(advertised.addresses) };
}

/** Keeps the kubernetes Service's endpoints right while the server runs. Returns what stops it, and takes this server out of them. */
export function keepEndpoints(options: BootstrapOptions): () => Promise<void> {
  const client = loopback(options.handler);
  const { advertised, leases } = options;
  const keepAll = async (alive: objects.Advertised | undefined) =>
    Promise.allSettled(endpointsOf(alive).map((each) => keep(client, options.reader, each)));
  let stopped = false;
  let working: Promise<unknown> = Promise.resolve();
  let timer = options.clock.after(ENDPOINTS_INTERVAL_MS, () => void round());
  const round = async () => {
    // A failed round is made good by the next.
    working = aliveOf(options)
      .then(keepAll)
      .catch(() => undefined);
    await working;
    if (!stopped) timer = options.clock.after(ENDPOINTS_INTERVAL_MS, () => void round());
  };
  return async () => {
    if (stopped) return;
    stopped = true;
    timer.cancel();
    await working;
    if (!advertised || !leases || advertised.addresses.length === 0) return;
    // The record ends by itself should this fail.
    const addresses = await leases.remove(advertised.addresses).catch(() => undefined);
    if (addresses?.length) await keepAll({ ...advertised, addresses });
  };
}

const kept = <T extends KubeObject>(
  type: ResourceType<T>,
  object: T,
  fields?: readonly (keyof T & string)[],
  status?: object,
): objects.Kept => ({
  type,
  object,
  ...(fields ? { keep: fields } : {}),
  ...(status ? { status } : {}),
});

const timestamp = (clock: Clock) => timeText(clock.now());

function serviceCidr({ serviceCidrs, clock }: BootstrapOptions): objects.Kept {
  const ready = {
    type: 'Ready',
    status: 'True',
    lastTransitionTime: timestamp(clock),
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
  };
  return kept(networkingv1.servicecidrs, objects.defaultServiceCidr(serviceCidrs), undefined, { conditions: [ready] });
}

function dataOf(options: BootstrapOptions): objects.Kept[] {
  const now = timestamp(options.clock);
  const { clientCertificateAuthorityPem: authority } = options;
  return [
    ...objects.systemPriorityClasses().map((each) => kept(schedulingv1.priorityclasses, each)),
    kept(corev1.configmaps, objects.tokenTrackingConfigMap(now.slice(0, 10))),
    ...(authority ? [kept(corev1.configmaps, objects.authenticationConfigMap(authority, options.trustedProxies), ['data'])] : []),
    ...localApiServices(now).map(({ status, ...each }) => kept(apiregistrationv1.apiservices, each, undefined, status)),
  ];
}

function endpointsOf(advertised: objects.Advertised | undefined): objects.Kept[] {
  if (!advertised) return [];
  const service = kept(corev1.services, objects.kubernetesService(advertised));
  if (advertised.addresses.length === 0) return [service];
  return [
    service,
    kept(corev1.endpoints, objects.kubernetesEndpoints(advertised), ['subsets']),
    kept(discoveryv1.endpointslices, objects.kubernetesEndpointSlice(advertised), ['endpoints', 'ports']),
  ];
}

async function keep(client: Loopback, reader: ResourceReader, { type, object, keep: fields = [], status }: objects.Kept): Promise<void> {
  const { name, namespace } = object.metadata!;
  for (let attempt = 0; attempt < CONFLICT_RETRIES_MAX; attempt++) {
    const existing = reader.get(type, name!, namespace);
    try {
      if (existing) {
        const differs = fields.some((field) => !isDeepStrictEqual(plain(existing)[field], plain(object)[field]));
        if (differs)
          await client.update(type, { ...existing, ...Object.fromEntries(fields.map((field) => [field, plain(object)[field]])) });
        return;
      }
      if (status) {
        const created = await client.create(type, object);
        await client.update(type, { ...created, status } as KubeObject, 'status');
        return;
      }
      if (await client.ensure(type, object)) return;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
    }
  }
}

/** Without fields that are undefined, as the stored form has it. */
const plain = (object: KubeObject): Record<string, unknown> => JSON.parse(JSON.stringify(object));
