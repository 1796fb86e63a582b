// The default profile's plugins, in upstream's order (pkg/scheduler/apis/config/v1/default_plugins.go).
import type { Plugin } from '../framework.ts';
import { volumeBinding } from './gates-and-claims.ts';
import { nodeAffinity, nodeName, nodePorts, nodeUnschedulable, taintToleration } from './node-rules.ts';
import { interPodAffinity } from './pod-affinity.ts';
import { imageLocality, nodeResourcesBalancedAllocation, nodeResourcesFit } from './resources.ts';
import { podTopologySpread } from './topology-spread.ts';

export const defaultPlugins: readonly Plugin<any>[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  volumeBinding,
  podTopologySpread,
  interPodAffinity,
  nodeResourcesBalancedAllocation,
  imageLocality,
];
