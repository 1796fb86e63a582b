// The plugins there are, by upstream's names, in the order of upstream's default profile
// (pkg/scheduler/apis/config/v1/default_plugins.go, framework/plugins/registry.go).
import type { corev1 } from '@tiphys/api';
import type { Runtime } from '@tiphys/runtime';
import type { ClaimBinder } from '../devices/claim-binder.ts';
import { type Plugin, refuse } from '../framework/plugin.ts';
import type { VolumeBinder } from '../volumes/volume-binder.ts';
import { nodeDeclaredFeatures } from './declared-features.ts';
import { type DynamicResourcesArguments, dynamicResources } from './dynamic-resources.ts';
import { imageLocality } from './image-locality.ts';
import { type NodeAffinityArguments, nodeAffinity, nodeName, nodePorts, nodeUnschedulable, taintToleration } from './node-rules.ts';
import { type InterPodAffinityArguments, interPodAffinity } from './pod-affinity.ts';
import { type FitArguments, nodeResourcesBalancedAllocation, nodeResourcesFit, type ResourceWeight } from './resources.ts';
import { podTopologySpread, type TopologySpreadArguments } from './topology-spread.ts';
import { volumeBinding } from './volume-binding.ts';
import { nodeVolumeLimits, volumeRestrictions, volumeZone } from './volumes.ts';

export const isGated = (pod: corev1.Pod): boolean => (pod.spec?.schedulingGates?.length ?? 0) > 0;

export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  events: {},
  preEnqueue: (pod) =>
    isGated(pod)
      ? refuse([`waiting for scheduling gates: [${pod.spec!.schedulingGates!.map((gate) => gate.name).join(' ')}]`], true)
      : undefined,
};

/** What plugins are told, from a profile's pluginConfig; each entry is the arguments object of the plugin of that name. */
export interface PluginArguments {
  NodeAffinity?: NodeAffinityArguments;
  NodeResourcesFit?: FitArguments;
  NodeResourcesBalancedAllocation?: { resources?: readonly ResourceWeight[] };
  PodTopologySpread?: TopologySpreadArguments;
  InterPodAffinity?: InterPodAffinityArguments;
  DynamicResources?: DynamicResourcesArguments;
}

/** What plugins that act need. */
export interface PluginServices {
  volumeBinder?: VolumeBinder;
  claimBinder?: ClaimBinder;
  runtime?: Runtime;
}

type PluginMaker = (given: PluginArguments, services: PluginServices) => Plugin;

export const pluginMakers: readonly (readonly [name: string, make: PluginMaker])[] = [
  ['SchedulingGates', () => schedulingGates],
  ['NodeUnschedulable', () => nodeUnschedulable],
  ['NodeName', () => nodeName],
  ['TaintToleration', () => taintToleration],
  ['NodeAffinity', (given) => nodeAffinity(given.NodeAffinity)],
  ['NodePorts', () => nodePorts],
  ['NodeResourcesFit', (given) => nodeResourcesFit(given.NodeResourcesFit)],
  ['VolumeRestrictions', () => volumeRestrictions],
  ['NodeVolumeLimits', () => nodeVolumeLimits],
  ['VolumeBinding', (_given, { volumeBinder }) => volumeBinding(volumeBinder)],
  ['VolumeZone', () => volumeZone],
  ['PodTopologySpread', (given) => podTopologySpread(given.PodTopologySpread)],
  ['InterPodAffinity', (given) => interPodAffinity(given.InterPodAffinity)],
  ['DynamicResources', (given, { claimBinder, runtime }) => dynamicResources(given.DynamicResources, claimBinder, runtime)],
  ['NodeResourcesBalancedAllocation', (given) => nodeResourcesBalancedAllocation(given.NodeResourcesBalancedAllocation)],
  ['ImageLocality', () => imageLocality],
  ['NodeDeclaredFeatures', () => nodeDeclaredFeatures],
];

export const defaultPlugins = (services: PluginServices = {}, given: PluginArguments = {}): readonly Plugin[] =>
  pluginMakers.map(([, make]) => make(given, services));
