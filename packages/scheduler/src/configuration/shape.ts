// KubeSchedulerConfiguration as upstream's files have it, and a strict check that a document is one
// (k8s.io/kube-scheduler/config/v1, kubescheduler.config.k8s.io/v1).
import type { ExtenderTls } from '../extender.ts';
import type { NodeAffinityArguments } from '../plugins/node-rules.ts';
import type { ResourceWeight, ShapePoint } from '../plugins/resources.ts';
import type { TopologySpreadArguments } from '../plugins/topology-spread.ts';
import type { PreemptionArguments } from '../preempt.ts';

export const API_VERSION = 'kubescheduler.config.k8s.io/v1';
export const KIND = 'KubeSchedulerConfiguration';

/** What a person wrote is wrong; the message begins with the field. */
export class SchedulerConfigurationError extends Error {
  override name = 'SchedulerConfigurationError';
}

export interface PluginEntry {
  name: string;
  weight?: number;
}

export interface PluginSet {
  enabled?: PluginEntry[];
  disabled?: PluginEntry[];
}

export const EXTENSION_POINTS = [
  'preEnqueue',
  'queueSort',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;
export type ExtensionPoint = (typeof EXTENSION_POINTS)[number];

export interface ProfileDocument {
  schedulerName?: string;
  percentageOfNodesToScore?: number;
  plugins?: Partial<Record<ExtensionPoint | 'multiPoint', PluginSet>>;
  pluginConfig?: { name: string; args?: Record<string, unknown> }[];
}

export interface ExtenderDocument {
  urlPrefix: string;
  filterVerb?: string;
  preemptVerb?: string;
  prioritizeVerb?: string;
  bindVerb?: string;
  weight?: number;
  enableHTTPS?: boolean;
  tlsConfig?: ExtenderTls;
  httpTimeout?: string;
  nodeCacheCapable?: boolean;
  managedResources?: { name: string; ignoredByScheduler?: boolean }[];
  ignorable?: boolean;
}

export interface ConfigurationDocument {
  percentageOfNodesToScore?: number;
  podInitialBackoffSeconds?: number;
  podMaxBackoffSeconds?: number;
  parallelism?: number;
  profiles?: ProfileDocument[];
  extenders?: ExtenderDocument[];
}

/** Arguments of the plugins that take some, as their files have them. */
export interface ArgumentDocuments {
  NodeAffinity: NodeAffinityArguments;
  NodeResourcesFit: {
    ignoredResources?: string[];
    ignoredResourceGroups?: string[];
    scoringStrategy?: { type?: string; resources?: ResourceWeight[]; requestedToCapacityRatio?: { shape?: ShapePoint[] } };
  };
  NodeResourcesBalancedAllocation: { resources?: ResourceWeight[] };
  PodTopologySpread: TopologySpreadArguments;
  InterPodAffinity: { hardPodAffinityWeight?: number; ignorePreferredTermsOfExistingPods?: boolean };
  DynamicResources: { filterTimeout?: string; bindingTimeout?: string };
  DefaultPreemption: Partial<PreemptionArguments>;
}

/** `any`: taken as it is, by a part that checks it itself or does nothing with it. */
type Shape = 'string' | 'number' | 'boolean' | 'any' | readonly [Shape] | { readonly [field: string]: Shape };

const ENTRIES: Shape = [{ name: 'string', weight: 'number' }];
const PLUGIN_SET: Shape = { enabled: ENTRIES, disabled: ENTRIES };
const WEIGHTS: Shape = [{ name: 'string', weight: 'number' }];

const EXTENDER: Shape = {
  urlPrefix: 'string',
  filterVerb: 'string',
  preemptVerb: 'string',
  prioritizeVerb: 'string',
  bindVerb: 'string',
  weight: 'number',
  enableHTTPS: 'boolean',
  tlsConfig: {
    insecure: 'boolean',
    serverName: 'string',
    certFile: 'string',
    keyFile: 'string',
    caFile: 'string',
    certData: 'string',
    keyData: 'string',
    caData: 'string',
  },
  httpTimeout: 'string',
  nodeCacheCapable: 'boolean',
  managedResources: [{ name: 'string', ignoredByScheduler: 'boolean' }],
  ignorable: 'boolean',
};

const DOCUMENT: Shape = {
  apiVersion: 'string',
  kind: 'string',
  // Of the program around the scheduler, which here is another one.
  parallelism: 'number',
  leaderElection: 'any',
  clientConnection: 'any',
  enableProfiling: 'boolean',
  enableContentionProfiling: 'boolean',
  delayCacheUntilActive: 'boolean',
  percentageOfNodesToScore: 'number',
  podInitialBackoffSeconds: 'number',
  podMaxBackoffSeconds: 'number',
  profiles: [
    {
      schedulerName: 'string',
      percentageOfNodesToScore: 'number',
      plugins: Object.fromEntries([...EXTENSION_POINTS, 'multiPoint'].map((point) => [point, PLUGIN_SET])),
      pluginConfig: [{ name: 'string', args: 'any' }],
    },
  ],
  extenders: [EXTENDER],
};

const ARGUMENTS: Readonly<Record<string, { readonly [field: string]: Shape }>> = {
  NodeAffinity: { addedAffinity: 'any' },
  NodeResourcesFit: {
    ignoredResources: ['string'],
    ignoredResourceGroups: ['string'],
    scoringStrategy: {
      type: 'string',
      resources: WEIGHTS,
      requestedToCapacityRatio: { shape: [{ utilization: 'number', score: 'number' }] },
    },
  },
  NodeResourcesBalancedAllocation: { resources: WEIGHTS },
  PodTopologySpread: { defaultConstraints: 'any', defaultingType: 'string' },
  InterPodAffinity: { hardPodAffinityWeight: 'number', ignorePreferredTermsOfExistingPods: 'boolean' },
  DynamicResources: { filterTimeout: 'string', bindingTimeout: 'string' },
  DefaultPreemption: { minCandidateNodesPercentage: 'number', minCandidateNodesAbsolute: 'number' },
};

export function fail(path: string, why: string): never {
  throw new SchedulerConfigurationError(path ? `${path}: ${why}` : why);
}

function check(value: unknown, shape: Shape, path: string): void {
  if (shape === 'any') return;
  if (typeof shape === 'string') {
    if (typeof value !== shape) fail(path, `must be a ${shape}`);
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) fail(path, 'must be a list');
    for (const [index, item] of (value as unknown[]).entries()) check(item, shape[0] as Shape, `${path}[${index}]`);
  } else {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'must be an object');
    for (const [field, item] of Object.entries(value as object)) {
      const known = (shape as Record<string, Shape>)[field];
      if (known === undefined) fail(path, `unknown field "${field}"`);
      if (item !== null && item !== undefined) check(item, known, path ? `${path}.${field}` : field);
    }
  }
}

/** Throws SchedulerConfigurationError. */
export function checkedDocument(document: unknown): ConfigurationDocument {
  const { apiVersion, kind } = (document ?? {}) as Record<string, unknown>;
  if (apiVersion !== API_VERSION || kind !== KIND) fail('', `must begin with apiVersion: ${API_VERSION} and kind: ${KIND}`);
  check(document, DOCUMENT, '');
  return document as ConfigurationDocument;
}

/** A plugin's arguments; `undefined` when the plugin takes none. */
export function checkedArguments(name: string, given: Record<string, unknown>, path: string): Record<string, unknown> | undefined {
  const shape = ARGUMENTS[name];
  if (!shape) return undefined;
  const { apiVersion: _version, kind, ...fields } = given;
  if (kind !== undefined && kind !== `${name}Args`) fail(path, 'has to match plugin args');
  check(fields, shape, path);
  return fields;
}
