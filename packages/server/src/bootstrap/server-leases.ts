// Which API servers are alive, where several share a store: each keeps a record under its address that ends unless it is renewed
// (pkg/controlplane/reconcilers/lease.go; the keys and the form are upstream's).
import type { Store } from '@tiphys/storage';

export const SERVER_LEASE_SECONDS = 15;
const FOLDER = '/registry/masterleases/';

export interface ServerLeases {
  /** Says that this server is alive, and who else is. */
  renew(addresses: readonly string[]): Promise<string[]>;
  /** This server goes; who stays. */
  remove(addresses: readonly string[]): Promise<string[]>;
}

/** Undefined where the store is this server's alone. */
export function serverLeases(store: Store): ServerLeases | undefined {
  if (!store.isShared) return undefined;
  let generation = 0;
  const all = async () => (await store.list(FOLDER)).records.map(({ key }) => key.slice(FOLDER.length)).sort();
  return {
    renew: async (addresses) => {
      generation++;
      const record = (ip: string) => {
        const object = { kind: 'Endpoints', apiVersion: 'v1', metadata: { generation }, subsets: [{ addresses: [{ ip }] }] };
        return { type: 'put', key: FOLDER + ip, value: Buffer.from(JSON.stringify(object)), ttlSeconds: SERVER_LEASE_SECONDS } as const;
      };
      await Promise.all(addresses.map((ip) => store.commit(record(ip))));
      return all();
    },
    remove: async (addresses) => {
      await Promise.all(addresses.map((ip) => store.commit({ type: 'delete', key: FOLDER + ip })));
      return all();
    },
  };
}
