// Marks, and a year later removes, token secrets that were made by themselves before v1.24 and that nobody uses
// (pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go).
import { corev1 } from '@tiphys/api';
import { isConflict, isNotFound, isStatus } from '@tiphys/machinery';
import { defineController, type ReconcileContext, type Snapshot } from '../runtime/controller.ts';
import { annotationsOf, isDeleting, labelsOf, nameOf, namespaceOf, timeMs, uidOf } from '../runtime/objects.ts';

export const LAST_USED = 'kubernetes.io/legacy-token-last-used';
export const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';
const TOKEN_TYPE = 'kubernetes.io/service-account-token';
const TRACKING = 'kube-apiserver-legacy-service-account-token-tracking';
const DAY_MS = 24 * 3_600_000;

/** --legacy-service-account-token-clean-up-period */
export const CLEAN_UP_MS = 365 * DAY_MS;

const dateText = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const isDate = (text: string | undefined): text is string =>
  text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));

/** Names of the secrets that a pod mounts, reads or pulls images with. */
function secretsOf({ spec }: corev1.Pod): string[] {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  const read = containers.flatMap(({ env = [], envFrom = [] }) => [
    ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ...envFrom.map(({ secretRef }) => secretRef?.name),
  ]);
  const mounted = (spec?.volumes ?? []).flatMap(
    ({ secret, projected, csi, cephfs, flexVolume, rbd, iscsi, scaleIO, storageos, azureFile }) => [
      secret?.secretName,
      ...(projected?.sources ?? []).map((source) => source.secret?.name),
      csi?.nodePublishSecretRef?.name,
      azureFile?.secretName,
      ...[cephfs, flexVolume, rbd, iscsi, scaleIO, storageos].map((source) => source?.secretRef?.name),
    ],
  );
  return [...(spec?.imagePullSecrets ?? []).map(({ name }) => name), ...read, ...mounted].filter((name) => name !== undefined);
}

/** The secret was made for its account by itself: the account lists it. */
function isAutomatic(secret: corev1.Secret, snapshot: Snapshot): boolean {
  const account = snapshot.get(
    corev1.serviceaccounts,
    annotationsOf(secret)['kubernetes.io/service-account.name'] ?? '',
    namespaceOf(secret),
  );
  const uid = annotationsOf(secret)['kubernetes.io/service-account.uid'];
  if (!account || (uid && uid !== uidOf(account))) return false;
  return account.secrets?.some(({ name }) => name === nameOf(secret)) ?? false;
}

export interface CleanUp {
  secret: corev1.Secret;
  /** `mark` gives it the day from which it is invalid. */
  do: 'mark' | 'delete';
}

/** What is to be done with the secrets on a day. */
export function legacyCleanUps(snapshot: Snapshot, nowMs: number, cleanUpMs = CLEAN_UP_MS): CleanUp[] {
  const keptFrom = dateText(nowMs - cleanUpMs);
  const mounted = new Map<string, Set<string>>();
  const isMounted = (namespace: string, name: string) => {
    if (!mounted.has(namespace)) mounted.set(namespace, new Set(snapshot.list(corev1.pods, namespace).flatMap(secretsOf)));
    return mounted.get(namespace)!.has(name);
  };
  return snapshot.list(corev1.secrets).flatMap((secret): CleanUp[] => {
    if (secret.type !== TOKEN_TYPE || isDeleting(secret)) return [];
    if (timeMs(secret.metadata?.creationTimestamp) >= nowMs - cleanUpMs) return [];
    const lastUsed = labelsOf(secret)[LAST_USED];
    if (lastUsed !== undefined && (!isDate(lastUsed) || lastUsed >= keptFrom)) return [];
    if (!isAutomatic(secret, snapshot) || isMounted(namespaceOf(secret), nameOf(secret))) return [];
    const invalidSince = labelsOf(secret)[INVALID_SINCE];
    if (!isDate(invalidSince)) return [{ secret, do: 'mark' }];
    return invalidSince >= keptFrom ? [] : [{ secret, do: 'delete' }];
  });
}

async function cleanUp(context: ReconcileContext): Promise<void> {
  const { client, snapshot, runtime } = context;
  const nowMs = runtime.clock.now();
  const tracking = await client.of(corev1.configmaps).get(TRACKING, 'kube-system');
  const { since } = tracking.data ?? {};
  if (!isDate(since)) throw new Error('configMap does not have since label');
  // Uses of before are not known.
  if (nowMs < Date.parse(since) + DAY_MS + CLEAN_UP_MS) return;
  for (const { secret, do: what } of legacyCleanUps(snapshot, nowMs)) {
    const [name, namespace] = [nameOf(secret), namespaceOf(secret)];
    if (what === 'delete') {
      const { resourceVersion = '' } = secret.metadata ?? {};
      await client
        .of(corev1.secrets)
        .delete(name, namespace, { preconditions: { resourceVersion } })
        .catch((error) => {
          if (!isConflict(error) && !isNotFound(error)) throw error;
        });
    } else {
      const body = { metadata: { uid: uidOf(secret), labels: { [INVALID_SINCE]: dateText(nowMs) } } };
      await client.of(corev1.secrets).patch(name, namespace, 'merge', body);
    }
  }
}

export const legacyTokenCleaner = defineController<corev1.Secret>({
  name: 'legacy-service-account-token-cleaner',
  for: corev1.secrets,
  triggers: () => false,
  reads: [corev1.serviceaccounts, corev1.pods],
  async run(context) {
    const log = context.runtime.log.named('legacy-service-account-token-cleaner');
    while (!context.signal.aborted) {
      await cleanUp(context).catch((error) => {
        if (!isStatus(error, 'NotFound')) log.warning('not cleaned up', { err: (error as Error).message });
      });
      await context.runtime.clock.sleep(DAY_MS, context.signal).catch(() => undefined);
    }
  },
});
