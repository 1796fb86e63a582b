// Extenders: programs beside the scheduler that are asked over HTTP (docs: scheduler extenders; pkg/scheduler/extender.go,
// k8s.io/kube-scheduler/extender/v1). How a question is sent is handed in.
import type { corev1 } from '@tiphys/api';
import { refuse, SCORE_MAX, type Snapshot } from './framework/plugin.ts';
import type { Feasible } from './pick.ts';
import type { PreemptionCandidate } from './preempt.ts';
import type { NodeInfo, PodInfo } from './world/infos.ts';

/** Certificates for an extender, as the configuration file has them; data is base64. */
export interface ExtenderTls {
  insecure?: boolean;
  serverName?: string;
  certFile?: string;
  keyFile?: string;
  caFile?: string;
  certData?: string;
  keyData?: string;
  caData?: string;
}

export interface ExtenderConfiguration {
  urlPrefix: string;
  filterVerb?: string;
  preemptVerb?: string;
  prioritizeVerb?: string;
  bindVerb?: string;
  /** Of its priorities. */
  weight?: number;
  httpTimeoutMs: number;
  /** It knows the nodes: names are enough. */
  nodeCacheCapable?: boolean;
  /** Asked about pods that want one of these only; about all when empty. */
  managedResources?: readonly string[];
  /** When it can't be reached, pods are scheduled without it. */
  ignorable?: boolean;
}

/** Posts JSON and gives the answer's, or rejects: no answer in time, or another status than 200. */
export type SendJson = (url: string, body: unknown, timeoutMs: number) => Promise<unknown>;

export interface Extender {
  isInterested(pod: corev1.Pod): boolean;
  /** Takes out of the feasible nodes those that it refuses. */
  filter(pod: PodInfo, found: Feasible): Promise<Feasible>;
  /** Scores to add, by index; undefined when it has none. */
  prioritize(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<number[] | undefined>;
  /** Takes out nodes or changes victims; undefined when it has no say in preemption. */
  preempt?(pod: PodInfo, candidates: readonly PreemptionCandidate[], snapshot: Snapshot): Promise<PreemptionCandidate[]>;
  /** Undefined when it leaves binding to the scheduler. */
  bind?(pod: corev1.Pod, nodeName: string): Promise<void>;
}

/** An extender scores 0…10, plugins 0…100. */
const PRIORITY_MAX = 10;

interface FilterAnswer {
  nodes?: corev1.NodeList | null;
  nodenames?: string[] | null;
  failednodes?: Record<string, string> | null;
  failedandunresolvablenodes?: Record<string, string> | null;
  error?: string;
}

/** Go reads fields whatever their case, and so extenders write them in any. */
function anyCase<T>(answer: unknown): T {
  return Object.fromEntries(Object.entries((answer ?? {}) as object).map(([name, value]) => [name.toLowerCase(), value])) as T;
}

function keep(found: Feasible, answer: FilterAnswer, configuration: ExtenderConfiguration): Feasible {
  const byNames = configuration.nodeCacheCapable ? answer.nodenames : undefined;
  const kept = new Set(byNames ?? answer.nodes?.items?.map((node) => node.metadata?.name) ?? []);
  for (const name of byNames ?? []) {
    if (!found.nodes.some((node) => node.name === name))
      throw new Error(`extender "${configuration.urlPrefix}" claims a filtered node "${name}" which is not found in the input node list`);
  }
  const refusals = new Map(found.refusals);
  const plugin = 'Extender';
  for (const [name, why] of Object.entries(answer.failednodes ?? {})) refusals.set(name, { ...refuse([why]), plugin });
  for (const [name, why] of Object.entries(answer.failedandunresolvablenodes ?? {})) refusals.set(name, { ...refuse([why], true), plugin });
  return { ...found, nodes: found.nodes.filter((node) => kept.has(node.name)), refusals };
}

const asksFor = (pod: corev1.Pod, resources: readonly string[]) =>
  [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some(({ resources: wanted }) =>
    resources.some((name) => wanted?.requests?.[name] !== undefined || wanted?.limits?.[name] !== undefined),
  );

/** `nodeName → { Pods, NumPDBViolations }`, with whole pods or with their uids. */
function victimsOf(candidates: readonly PreemptionCandidate[], podOf: (info: PodInfo) => unknown) {
  return Object.fromEntries(
    candidates.map(({ nodeName, victims, violations }) => [nodeName, { Pods: victims.map(podOf), NumPDBViolations: violations }]),
  );
}

function candidatesFrom(answer: unknown, configuration: ExtenderConfiguration, snapshot: Snapshot): PreemptionCandidate[] {
  const { nodenametometavictims: byNode } = anyCase<{ nodenametometavictims?: Record<string, unknown> | null }>(answer);
  return Object.entries(byNode ?? {}).flatMap(([nodeName, entry]) => {
    const { pods, numpdbviolations: violations = 0 } = anyCase<{ pods?: unknown[] | null; numpdbviolations?: number }>(entry);
    const node = snapshot.node(nodeName);
    if (!node) throw new Error(`nodeinfo not found for node name "${nodeName}"`);
    const victims = (pods ?? []).map((each) => {
      const { uid } = anyCase<{ uid?: string }>(each);
      const victim = uid === undefined ? undefined : node.pods.get(uid);
      if (victim) return victim;
      throw new Error(
        `extender: ${configuration.urlPrefix} claims to preempt pod (UID: ${uid}) on node: ${nodeName}, but the pod is not found on that node`,
      );
    });
    if (victims.length > 0) return [{ nodeName, victims, violations }];
    if (configuration.ignorable) return [];
    throw new Error(`expected at least one victim pod on node "${nodeName}"`);
  });
}

type Post = <T>(verb: string, body: unknown) => Promise<T>;

function preemptedBy(configuration: ExtenderConfiguration, post: Post): NonNullable<Extender['preempt']> {
  return async ({ pod }, candidates, snapshot) => {
    const victims = configuration.nodeCacheCapable
      ? { NodeNameToVictims: null, NodeNameToMetaVictims: victimsOf(candidates, ({ uid }) => ({ UID: uid })) }
      : { NodeNameToVictims: victimsOf(candidates, (info) => info.pod), NodeNameToMetaVictims: null };
    let answer: unknown;
    try {
      answer = await post(configuration.preemptVerb!, { Pod: pod, ...victims });
      return candidatesFrom(answer, configuration, snapshot);
    } catch (error) {
      if (configuration.ignorable) return [...candidates];
      throw error;
    }
  };
}

export function extender(configuration: ExtenderConfiguration, send: SendJson): Extender {
  const {
    filterVerb,
    preemptVerb,
    prioritizeVerb,
    bindVerb,
    weight = 1,
    managedResources = [],
    ignorable,
    nodeCacheCapable,
  } = configuration;
  const post: Post = async <T>(verb: string, body: unknown) =>
    (await send(`${configuration.urlPrefix.replace(/\/+$/, '')}/${verb}`, body, configuration.httpTimeoutMs)) as T;
  const about = ({ pod }: PodInfo, nodes: readonly NodeInfo[]) => ({
    Pod: pod,
    Nodes: nodeCacheCapable ? null : { items: nodes.map((info) => info.node) },
    NodeNames: nodeCacheCapable ? nodes.map((node) => node.name) : null,
  });
  return {
    isInterested: (pod) => managedResources.length === 0 || asksFor(pod, managedResources),
    filter: async (pod, found) => {
      if (!filterVerb) return found;
      try {
        const answer = anyCase<FilterAnswer>(await post(filterVerb, about(pod, found.nodes)));
        if (answer.error) throw new Error(answer.error);
        return keep(found, answer, configuration);
      } catch (error) {
        if (ignorable) return found;
        throw error;
      }
    },
    prioritize: async (pod, nodes) => {
      if (!prioritizeVerb) return undefined;
      try {
        const answer = await post<unknown[] | null>(prioritizeVerb, about(pod, nodes));
        const scores = new Map(
          (answer ?? []).map((each) => anyCase<{ host: string; score: number }>(each)).map(({ host, score }) => [host, score]),
        );
        return nodes.map((node) => ((scores.get(node.name) ?? 0) * weight * SCORE_MAX) / PRIORITY_MAX);
      } catch {
        // Upstream goes on without the scores, ignorable or not.
        return undefined;
      }
    },
    ...(preemptVerb ? { preempt: preemptedBy(configuration, post) } : {}),
    ...(bindVerb
      ? {
          bind: async (pod: corev1.Pod, nodeName: string) => {
            const { name, namespace, uid } = pod.metadata!;
            const binding = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName };
            const { error } = anyCase<{ error?: string }>(await post(bindVerb, binding));
            if (error) throw new Error(error);
          },
        }
      : {}),
  };
}

/** One after another; each sees what the one before left. */
export async function filteredByExtenders(pod: PodInfo, found: Feasible, extenders: readonly Extender[]): Promise<Feasible> {
  let left = found;
  for (const one of extenders) if (left.nodes.length > 0 && one.isInterested(pod.pod)) left = await one.filter(pod, left);
  return left;
}

/** Their scores added up, by index. */
export async function extenderScores(pod: PodInfo, nodes: readonly NodeInfo[], extenders: readonly Extender[]): Promise<number[]> {
  const interested = extenders.filter((one) => one.isInterested(pod.pod));
  const all = await Promise.all(interested.map((one) => one.prioritize(pod, nodes)));
  return nodes.map((_, index) => all.reduce((sum, scores) => sum + (scores?.[index] ?? 0), 0));
}

/** Whether some extender has a say in whom the pod may drive out. */
export const preemptingExtenders = (pod: corev1.Pod, extenders: readonly Extender[]): readonly Extender[] =>
  extenders.filter((one) => one.preempt && one.isInterested(pod));

/** What the extenders leave of the candidates. */
export async function preemptedByExtenders(
  pod: PodInfo,
  candidates: readonly PreemptionCandidate[],
  snapshot: Snapshot,
  extenders: readonly Extender[],
): Promise<readonly PreemptionCandidate[]> {
  let left = candidates;
  for (const one of extenders) if (left.length > 0) left = await one.preempt!(pod, left, snapshot);
  return left;
}
