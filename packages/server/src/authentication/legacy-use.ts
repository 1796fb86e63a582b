// Writes on a token's secret on which day the token was last used, so that those nobody uses can be cleaned away
// (pkg/serviceaccount/legacy.go patchSecretWithLastUsedDate).
import { corev1, timeText } from '@tiphys/api';
import type { Runtime } from '@tiphys/runtime';
import type { Loopback } from '../bootstrap/loopback.ts';

const LAST_USED_LABEL = 'kubernetes.io/legacy-token-last-used';
const DAY_MS = 86_400_000;
const DAY_LENGTH = 'YYYY-MM-DD'.length;

const dayOf = (ms: number) => timeText(ms).slice(0, DAY_LENGTH);

/** Told of each use; writes once a day and secret. */
export function legacyUseRecorder({ clock, log }: Runtime, client: () => Loopback): (secret: corev1.Secret) => void {
  const underWay = new Set<string>();
  return (secret) => {
    const { namespace = '', name = '', uid = '', labels } = secret.metadata ?? {};
    const nowMs = clock.now();
    const lastUsed = labels?.[LAST_USED_LABEL];
    // Another server's clock may be past midnight already.
    if (lastUsed === dayOf(nowMs) || lastUsed === dayOf(nowMs + DAY_MS) || underWay.has(uid)) return;
    underWay.add(uid);
    const labelled = { ...secret, metadata: { ...secret.metadata, labels: { ...labels, [LAST_USED_LABEL]: dayOf(nowMs) } } };
    client()
      .update(corev1.secrets, labelled)
      .catch((error: Error) => log.warning('the last use of a token could not be recorded', { namespace, name, error: error.message }))
      .finally(() => underWay.delete(uid));
  };
}
