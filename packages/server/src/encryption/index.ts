// Encryption at rest as a whole (kube-apiserver's --encryption-provider-config): a store around the store, and a configuration that
// may be changed while the server runs.
import type { Runtime } from '@tiphys/runtime';
import type { Store } from '@tiphys/storage';
import type { HealthCheck } from '../discovery/health.ts';
import { type EncryptionPlan, encryptionPlan } from './configuration.ts';
import { EncryptedStore } from './encrypted-store.ts';

export interface Encryption {
  readonly store: EncryptedStore;
  /** Which resource the keys under a prefix are of. */
  assign(prefix: string, type: { group: string; resource: string }): void;
  /** Takes a new text of the configuration; throws, and all stays, when it is wrong. */
  update(text: string): void;
  readonly checks: readonly HealthCheck[];
  close(): void;
}

/** Events of both groups are stored as those of the core. */
const storedGroup = (group: string): string => (group === 'events.k8s.io' ? '' : group);

/** `text`: an EncryptionConfiguration. Throws ConfigurationFileError. */
export function encryption(text: string, inner: Store, runtime: Runtime): Encryption {
  let plan: EncryptionPlan = encryptionPlan(text, runtime);
  const types = new Map<string, { group: string; resource: string }>();
  const typeOf = (key: string) => {
    // Key spaces are `/registry/name/` or `/registry/group/name/`.
    const second = key.indexOf('/', '/registry/'.length);
    if (second === -1) return undefined;
    return types.get(key.slice(0, second + 1)) ?? types.get(key.slice(0, key.indexOf('/', second + 1) + 1));
  };
  const store = new EncryptedStore(inner, (key) => {
    const type = typeOf(key);
    return type && plan.transformersFor(type);
  });
  return {
    store,
    assign: (prefix, { group, resource }) => {
      if (!types.has(prefix)) types.set(prefix, { group: storedGroup(group), resource });
    },
    update: (changed) => {
      const next = encryptionPlan(changed, runtime);
      for (const plugin of plan.plugins) plugin.close();
      plan = next;
    },
    checks: [
      {
        name: 'kms-providers',
        check: async () => {
          const problems = await Promise.all(plan.plugins.map((plugin) => plugin.check()));
          return problems.filter((problem) => problem !== undefined).join(', ');
        },
      },
    ],
    close: () => {
      for (const plugin of plan.plugins) plugin.close();
    },
  };
}
