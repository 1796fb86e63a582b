// Extenders: programs beside the scheduler that are asked over HTTP (docs: scheduler extenders; pkg/scheduler/extender.go,
// k8s.io/kube-scheduler/extender/v1). How a question is sent is handed in.
import type { corev1 } from '@tiphys/api';
import { refuse, SCORE_MAX } from './framework/plugin.ts';
import type { Feasible } from './pick.ts';
import type { NodeInfo, PodInfo } from './world/infos.ts';

export interface ExtenderConfiguration {
  urlPrefix: string;
  filterVerb?: string;
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
  /** Undefined when it leaves binding to the scheduler. */
  bind?(pod: corev1.Pod, nodeName: string): Promise<void>;
}

/** An extender scores 0…10, plugins 0…100. */
const PRIORITY_MAX = 10;

interface FilterAnswer {
  nodes?: corev1.NodeList;
  nodenames?: string[];
  failedNodes?: Record<string, string>;
  failedAndUnresolvableNodes?: Record<string, string>;
  error?: string;
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
  for (const [name, why] of Object.entries(answer.failedNodes ?? {})) refusals.set(name, { ...refuse([why]), plugin });
  for (const [name, why] of Object.entries(answer.failedAndUnresolvableNodes ?? {})) refusals.set(name, { ...refuse([why], true), plugin });
  return { ...found, nodes: found.nodes.filter((node) => kept.has(node.name)), refusals };
}

const asksFor = (pod: corev1.Pod, resources: readonly string[]) =>
  [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some(({ resources: wanted }) =>
    resources.some((name) => wanted?.requests?.[name] !== undefined || wanted?.limits?.[name] !== undefined),
  );

export function extender(configuration: ExtenderConfiguration, send: SendJson): Extender {
  const { filterVerb, prioritizeVerb, bindVerb, weight = 1, managedResources = [], ignorable, nodeCacheCapable } = configuration;
  const post = async <T>(verb: string, body: unknown): Promise<T> =>
    (await send(`${configuration.urlPrefix.replace(/\/+$/, '')}/${verb}`, body, configuration.httpTimeoutMs)) as T;
  const about = ({ pod }: PodInfo, nodes: readonly NodeInfo[]) => ({
    pod,
    ...(nodeCacheCapable ? { nodenames: nodes.map((node) => node.name) } : { nodes: { items: nodes.map((info) => info.node) } }),
  });
  return {
    isInterested: (pod) => managedResources.length === 0 || asksFor(pod, managedResources),
    filter: async (pod, found) => {
      if (!filterVerb) return found;
      try {
        const answer = await post<FilterAnswer>(filterVerb, about(pod, found.nodes));
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
        const answer = await post<{ host: string; score: number }[]>(prioritizeVerb, about(pod, nodes));
        const scores = new Map(answer.map(({ host, score }) => [host, score]));
        return nodes.map((node) => ((scores.get(node.name) ?? 0) * weight * SCORE_MAX) / PRIORITY_MAX);
      } catch {
        // Upstream goes on without the scores, ignorable or not.
        return undefined;
      }
    },
    ...(bindVerb
      ? {
          bind: async (pod: corev1.Pod, nodeName: string) => {
            const { name: podName, namespace: podNamespace, uid: podUID } = pod.metadata!;
            const answer = await post<{ error?: string }>(bindVerb, { podName, podNamespace, podUID, node: nodeName });
            if (answer.error) throw new Error(answer.error);
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
