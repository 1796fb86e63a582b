// Volumes whose items hide one another (api/pod/warnings.go warningsForOverlappingVirtualPaths).
import type { corev1 } from '@tiphys/api';

interface Placed {
  path: string;
  source: string;
}

const quoted = JSON.stringify;
const shown = ({ path, source }: Placed) => (source ? `${quoted(path)} (${source})` : quoted(path));

/** Those before that are the same as, above or below the item. */
function collisions(before: readonly Placed[], item: Placed): Placed[] {
  if (item.path === '') return [];
  return before.filter(({ path }) => path !== '' && (`${path}/`.startsWith(`${item.path}/`) || `${item.path}/`.startsWith(`${path}/`)));
}

const placed = (items: readonly { path?: string }[] | undefined, source = ''): Placed[] =>
  (items ?? []).map(({ path = '' }) => ({ path: path.replace(/\/+$/, ''), source }));

function overlaps(items: readonly Placed[]): string[] {
  return items.flatMap((item, i) => collisions(items.slice(0, i), item).map((other) => `${shown(item)} with ${shown(other)}`));
}

function projectedPaths(source: corev1.VolumeProjection): Placed[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  if (configMap?.items) return placed(configMap.items, `ConfigMap ${quoted(configMap.name)}`);
  if (secret?.items) return placed(secret.items, `Secret ${quoted(secret.name)}`);
  if (downwardAPI?.items) return placed(downwardAPI.items, 'DownwardAPI');
  if (serviceAccountToken) return placed([serviceAccountToken], 'ServiceAccountToken');
  if (clusterTrustBundle) {
    return placed([clusterTrustBundle], `ClusterTrustBundle ${quoted(clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? '')}`);
  }
  const { certificateChainPath, keyPath, credentialBundlePath } = podCertificate ?? {};
  return [
    ...placed(certificateChainPath ? [{ path: certificateChainPath }] : [], 'PodCertificate chain'),
    ...placed(keyPath ? [{ path: keyPath }] : [], 'PodCertificate key'),
    ...placed(credentialBundlePath ? [{ path: credentialBundlePath }] : [], 'PodCertificate credential bundle'),
  ];
}

export function overlapWarnings(volumes: readonly corev1.Volume[]): string[] {
  const warnings: string[] = [];
  const say = (name: string, kind: string, texts: readonly string[]) => {
    for (const text of texts) warnings.push(`volume ${quoted(name)} (${kind}): overlapping paths: ${text}`);
  };
  for (const { name, configMap, secret, downwardAPI, projected } of volumes) {
    if (configMap?.items) say(name, `ConfigMap ${quoted(configMap.name)}`, overlaps(placed(configMap.items)));
    if (secret?.items) say(name, `Secret ${quoted(secret.secretName)}`, overlaps(placed(secret.items)));
    if (downwardAPI?.items) say(name, 'DownwardAPI', overlaps(placed(downwardAPI.items)));
    if (!projected) continue;
    for (const source of projected.sources ?? []) {
      if (!Object.keys(source).length) warnings.push(`volume ${quoted(name)} (Projected) has no sources provided`);
    }
    say(name, 'Projected', overlaps((projected.sources ?? []).flatMap(projectedPaths)));
  }
  return warnings;
}
