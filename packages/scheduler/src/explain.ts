// Tells for each node why a pod may or may not go there, from the API alone: the same decision that the scheduler makes, laid open.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { prepare, refusalOn } from './framework/judge.ts';
import { freshAnswers } from './framework/local-answers.ts';
import type { Plugin, Snapshot } from './framework/plugin.ts';
import { defaultPlugins } from './plugins/index.ts';
import { ClusterView } from './running/cluster-view.ts';
import { enqueueRefusal } from './running/profile.ts';
import { type NodeInfo, type PodInfo, podInfo } from './world/infos.ts';

export interface NodeVerdict {
  nodeName: string;
  /** Empty when the pod fits. */
  refusals: readonly { plugin: string; reasons: readonly string[] }[];
  /** Weighted score of each plugin; only of nodes where the pod fits. */
  scores: Readonly<Record<string, number>>;
  total: number;
}

export interface Explanation {
  /** Where it is already. */
  nodeName?: string;
  /** Why it is not tried at all, or fits nowhere whatever the node. */
  everywhere?: { plugin: string; reasons: readonly string[] };
  /** The best first, then those where it does not fit. */
  nodes: readonly NodeVerdict[];
}

/** Every plugin's refusal, where the scheduler stops at the first. */
function refusalsOn(pod: PodInfo, node: NodeInfo, snapshot: Snapshot, plugins: readonly Plugin[]): NodeVerdict['refusals'] {
  return plugins.flatMap((plugin) => {
    const prepared = prepare(pod, snapshot, [plugin]);
    const refusal = 'everywhere' in prepared ? prepared.everywhere : refusalOn(prepared, pod, node);
    return refusal ? [{ plugin: refusal.plugin, reasons: refusal.reasons }] : [];
  });
}

function scoresByPlugin(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot, plugins: readonly Plugin[]): Map<string, number[]> {
  const prepared = prepare(pod, snapshot, plugins);
  if ('everywhere' in prepared) return new Map();
  const found = new Map<string, number[]>();
  for (const plugin of plugins.filter((each) => each.score)) {
    const answers = freshAnswers(pod, prepared, snapshot, [plugin]);
    const [raw] = answers.rawScores;
    const state = plugin.signature ? raw?.state : plugin.preScore?.(pod, nodes, snapshot, prepared.states.get(plugin));
    if (!plugin.signature && plugin.preScore && state === undefined) continue;
    const scores = nodes.map((node) => (raw ? raw.score(node) : plugin.signature ? answers.score(node) : plugin.score!(pod, node, state)));
    plugin.normalize?.(scores, nodes, state);
    const weight = plugin.signature && !raw ? 1 : (plugin.weight ?? 1);
    found.set(
      plugin.name,
      scores.map((score) => score * weight),
    );
  }
  return found;
}

/** The pod as if it were not anywhere yet, against all nodes of the snapshot. Pure. */
export function explainPod(pod: corev1.Pod, snapshot: Snapshot, plugins: readonly Plugin[]): Explanation {
  const { nodeName, ...spec } = pod.spec!;
  const info = podInfo({ ...pod, spec } as corev1.Pod);
  const gated = enqueueRefusal({ plugins }, pod, snapshot);
  const fitting: NodeInfo[] = [];
  const refused: NodeVerdict[] = [];
  for (const node of snapshot.nodes) {
    const refusals = refusalsOn(info, node, snapshot, plugins);
    if (refusals.length === 0) fitting.push(node);
    else refused.push({ nodeName: node.name, refusals, scores: {}, total: 0 });
  }
  const scores = scoresByPlugin(info, fitting, snapshot, plugins);
  const scored = fitting.map((node, index): NodeVerdict => {
    const own = Object.fromEntries([...scores].map(([name, all]) => [name, all[index]!]));
    return { nodeName: node.name, refusals: [], scores: own, total: Object.values(own).reduce((sum, score) => sum + score, 0) };
  });
  const byName = (a: NodeVerdict, b: NodeVerdict) => (a.nodeName < b.nodeName ? -1 : 1);
  return {
    ...(nodeName ? { nodeName } : {}),
    ...(gated ? { everywhere: { plugin: gated.plugin.name, reasons: gated.reasons } } : {}),
    nodes: [...scored.sort((a, b) => b.total - a.total || byName(a, b)), ...refused.sort(byName)],
  };
}

const isFinished = (pod: corev1.Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const NOTHING_PROMISED: ReadonlySet<string> = new Set();

/** Reads the cluster and explains with the default profile. Throws NotFound when there is no such pod. */
export async function explainScheduling(client: Client, name: string, namespace: string): Promise<Explanation> {
  const pod = await client.of(corev1.pods).get(name, namespace);
  const view = new ClusterView(client, () => NOTHING_PROMISED);
  try {
    view.follow(() => undefined);
    const pods = client.informer(corev1.pods);
    await Promise.all([view.synced(), pods.synced()]);
    for (const other of pods.list()) {
      const isOther = other.metadata!.uid !== pod.metadata!.uid;
      if (isOther && other.spec?.nodeName && !isFinished(other)) view.world.place(podInfo(other), other.spec.nodeName);
    }
    return explainPod(pod, view.snapshot, defaultPlugins());
  } finally {
    view.stop();
  }
}
