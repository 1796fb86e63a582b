// Certificates that end are renewed while the cluster runs: what is about to end is issued anew and handed to whoever shows it
// (upstream rereads its files: apiserver server/dynamiccertificates).
import type { Runtime, Timer } from '@tiphys/runtime';
import type { ClusterKeys } from './cluster-keys.ts';

/** Far below the time that a certificate still has when it is renewed. */
export const RENEWAL_INTERVAL_MS = 12 * 3_600_000;

export interface RenewalOptions {
  runtime: Runtime;
  keys: ClusterKeys;
  /** The keys as they should be now: the kept ones, with new certificates in place of those that are about to end. */
  current(): ClusterKeys;
  /** Told the keys when a certificate among them is new. */
  onRenewed(keys: ClusterKeys): void;
}

const certificatesOf = ({ server, administrator, kubeletClient, frontProxyClient }: ClusterKeys) =>
  [server, administrator, kubeletClient, frontProxyClient].map(({ certificatePem }) => certificatePem).join();

export interface Renewal {
  /** At once, as when the clock was set. */
  look(): void;
  stop(): void;
}

/** Looks now and then. */
export function keepCertificatesFresh({ runtime, keys, current, onRenewed }: RenewalOptions): Renewal {
  const { clock, log } = runtime;
  let shown = certificatesOf(keys);
  let timer: Timer | undefined;
  const look = () => {
    timer?.cancel();
    try {
      const now = current();
      if (certificatesOf(now) !== shown) {
        onRenewed(now);
        shown = certificatesOf(now);
        log.info('renewed certificates that were about to end');
      }
    } catch (error) {
      // There are weeks left; the next look may find the disk in a better state.
      log.error('certificates could not be renewed', error);
    }
    timer = clock.after(RENEWAL_INTERVAL_MS, look);
  };
  timer = clock.after(RENEWAL_INTERVAL_MS, look);
  return { look, stop: () => timer?.cancel() };
}
