// Volumes whose items hide one another (api/pod/warnings.go warningsForOverlappingVirtualPaths).
import type { corev1 } from '@tiphys/api';

interface Placed {
  path: string;
  source: string;
}

const quoted = JSON.stringify;
const shown = ({ path, source }: Placed) => (source ? `${quoted(path)} (${source})` : quoted(path));

/** Overlaps of one volume that are looked for: far more than an answer has room for. */
const OVERLAPS_TOLD_MAX = 1000;

/** Which items are the same as, above or below which, found in the order of their paths: a path comes right before all that are below it. */
class Tree {
  /** Numbers of the items whose paths say something, by path. */
  readonly #sorted: readonly number[];
  readonly #rank = new Map<number, number>();
  /** By rank: the rank that the items of the same path begin at, the one after all below it, and that of an item above it. */
  readonly #begin: number[] = [];
  readonly #end: number[] = [];
  readonly #above: (number | undefined)[] = [];

  constructor(items: readonly Placed[]) {
    const keys = items.map(({ path }) => `${path}/`);
    this.#sorted = keys
      .flatMap((key, i) => (key === '/' ? [] : [i]))
      .sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
    const open: number[] = [];
    const keyAt = (rank: number) => keys[this.#sorted[rank]!]!;
    this.#sorted.forEach((item, rank) => {
      this.#rank.set(item, rank);
      while (open.length > 0 && !keyAt(rank).startsWith(keyAt(open.at(-1)!))) this.#end[open.pop()!] = rank;
      const before = open.at(-1);
      const isSame = before !== undefined && keyAt(before) === keyAt(rank);
      this.#begin.push(isSame ? this.#begin[before]! : rank);
      this.#above.push(isSame ? this.#above[before] : before);
      open.push(rank);
    });
    for (const rank of open) this.#end[rank] = this.#sorted.length;
  }

  /** Those before that meet the item, in their order. */
  before(item: number): number[] {
    const found: number[] = [];
    const rank = this.#rank.get(item);
    if (rank === undefined) return found;
    const look = (from: number, to: number) => {
      for (let at = from; at < to; at++) if (this.#sorted[at]! < item) found.push(this.#sorted[at]!);
    };
    look(this.#begin[rank]!, this.#end[rank]!);
    for (let above = this.#above[rank]; above !== undefined; above = this.#above[above]) look(this.#begin[above]!, above + 1);
    return found.sort((a, b) => a - b);
  }
}

const placed = (items: readonly { path?: string }[] | undefined, source = ''): Placed[] =>
  (items ?? []).map(({ path = '' }) => ({ path: path.replace(/\/+$/, ''), source }));

function overlaps(items: readonly Placed[]): string[] {
  const told: string[] = [];
  if (items.length < 2) return told;
  const tree = new Tree(items);
  for (let i = 1; i < items.length && told.length < OVERLAPS_TOLD_MAX; i++)
    for (const other of tree.before(i)) told.push(`${shown(items[i]!)} with ${shown(items[other]!)}`);
  return told;
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
