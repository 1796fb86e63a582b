// NodeDeclaredFeatures: pods that use something new go to nodes that say that they have it (KEP-5328;
// component-helpers nodedeclaredfeatures).
import type { corev1 } from '@tiphys/api';
import type { Hint } from '../framework/events.ts';
import { type Plugin, refuse } from '../framework/plugin.ts';

type Inference = readonly [feature: string, needs: (spec: corev1.PodSpec) => boolean];

const restartsAll = (container: corev1.Container) => container.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers');

const INFERENCES: readonly Inference[] = [
  ['RestartAllContainersOnContainerExits', (spec) => [...spec.containers, ...(spec.initContainers ?? [])].some(restartsAll)],
  ['UserNamespacesHostNetworkSupport', (spec) => spec.hostNetwork === true && spec.hostUsers === false],
];

const needsOf = ({ spec }: corev1.Pod): string[] => INFERENCES.filter(([, needs]) => needs(spec!)).map(([feature]) => feature);

const declares = (node: corev1.Node | undefined, features: readonly string[]) =>
  features.every((feature) => node?.status?.declaredFeatures?.includes(feature));

const isDeclared: Hint = (waiting, { node }) => declares(node?.new, needsOf(waiting));

export const nodeDeclaredFeatures: Plugin<readonly string[]> = {
  name: 'NodeDeclaredFeatures',
  events: { NodeAdded: isDeclared, NodeUpdated: isDeclared },
  signature: ({ pod }) => needsOf(pod).join(' '),
  preFilter: ({ pod }) => {
    const needs = needsOf(pod);
    return needs.length === 0 ? { skip: true } : { state: needs };
  },
  filter: (_pod, { node }, needs) => (declares(node, needs) ? undefined : refuse(["node(s) didn't match Pod's required features"], true)),
};
