// Keeps controllers and schedulers from acting on a state that is half restored, on whichever server they are: their leases are
// taken away for that long, as another candidate would take them (client-go tools/leaderelection). A local store needs none of it,
// for it changes in one step.
import { microTimeText } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import type { Store } from '@tiphys/storage';

const NAMES = ['kube-controller-manager', 'kube-scheduler'];
const HOLDER = 'tiphys-restore';
/** Whoever leads gives up after it could not renew for its deadline, which is 10 s with upstream's defaults. */
const GIVE_UP_MS = 12_000;
/** Long enough for any restore; it is given back at the end. */
const LEASE_SECONDS = 600;

async function holdLease(store: Store, clock: Clock, name: string, holderIdentity: string, leaseDurationSeconds: number): Promise<void> {
  const key = `/registry/leases/kube-system/${name}`;
  const now = microTimeText(clock.now());
  const spec = { holderIdentity, leaseDurationSeconds, acquireTime: now, renewTime: now };
  const metadata = { name, namespace: 'kube-system' };
  const lease = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata, spec };
  await store.commit({ type: 'put', key, value: Buffer.from(JSON.stringify(lease)) });
}

export async function whileNobodyLeads<T>(store: Store, clock: Clock, work: () => Promise<T>): Promise<T> {
  const { records } = await store.list('/registry/leases/kube-system/');
  const led = NAMES.filter((name) => records.some(({ key }) => key.endsWith(`/${name}`)));
  if (!store.isShared || led.length === 0) return work();
  await Promise.all(led.map((name) => holdLease(store, clock, name, HOLDER, LEASE_SECONDS)));
  try {
    await clock.sleep(GIVE_UP_MS);
    return await work();
  } finally {
    await Promise.all(led.map((name) => holdLease(store, clock, name, '', 1)));
  }
}
