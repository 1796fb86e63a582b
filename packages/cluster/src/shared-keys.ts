// Servers on one etcd must have the same authority and sign tokens with the same key, or each refuses what the others gave out.
// What the first one published for aggregated servers tells whose keys these are.
import type { Store } from '@tiphys/storage';
import { type KeyFiles, SHARED_KEY_FILES } from './certificates/cluster-keys.ts';
import { ConfigurationError } from './configuration.ts';

export const PUBLISHED_AUTHORITY_KEY = '/registry/configmaps/kube-system/extension-apiserver-authentication';

/** Undefined when nobody has published one, or not in a form of ours: kube-apiserver's etcd is taken over with keys of our own. */
async function publishedAuthority(store: Store): Promise<string | undefined> {
  const record = await store.get(PUBLISHED_AUTHORITY_KEY);
  const text = record && Buffer.from(record.value).toString('utf8');
  return text?.startsWith('{"kind":') ? JSON.parse(text).data?.['client-ca-file'] : undefined;
}

/** Throws ConfigurationError before any key is made or anything written. */
export async function refuseOtherKeys(store: Store, keyFiles: KeyFiles): Promise<void> {
  if (!store.isShared) return;
  const published = await publishedAuthority(store);
  const own = keyFiles.read('ca.crt')?.trim();
  if (published === undefined || (own && published.includes(own))) return;
  throw new ConfigurationError(
    `the servers on this etcd have other keys than this one. Copy ${SHARED_KEY_FILES.join(', ')} from DIR/pki of one of them into DIR/pki here, and start again. ` +
      `If those keys are lost for good: etcdctl del ${PUBLISHED_AUTHORITY_KEY}`,
  );
}
