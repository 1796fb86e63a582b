// Makes profiles from a configuration: which plugins are on at which extension point, with which arguments and weights
// (docs: scheduling configuration; pkg/scheduler/framework/runtime/framework.go, apis/config/validation).
import { parseDuration } from '@tiphys/api';
import type { Plugin } from '../framework/plugin.ts';
import { type PluginArguments, type PluginServices, pluginMakers } from '../plugins/index.ts';
import type { ScoringStrategy } from '../plugins/resources.ts';
import { DEFAULT_PREEMPTION, type PreemptionArguments } from '../preempt.ts';
import { DEFAULT_SCHEDULER_NAME, type ProfileOptions } from '../running/profile.ts';
import {
  type ArgumentDocuments,
  checkedArguments,
  EXTENSION_POINTS,
  type ExtensionPoint,
  fail,
  type PluginSet,
  type ProfileDocument,
} from './shape.ts';

/** Plugins of the user's own, by name. */
export type OwnPlugins = Readonly<Record<string, (args: Record<string, unknown>, services: PluginServices) => Plugin>>;

/** What of a plugin belongs to which extension point. Reservations hold what upstream has in reserve, preBind and postBind. */
const MEMBERS: Readonly<Record<ExtensionPoint, readonly (keyof Plugin)[]>> = {
  preEnqueue: ['preEnqueue'],
  queueSort: [],
  preFilter: ['preFilter', 'afterChange'],
  filter: ['filter'],
  postFilter: ['postFilter'],
  preScore: ['preScore'],
  score: ['score', 'normalize'],
  reserve: ['reserve'],
  permit: ['permit'],
  preBind: [],
  bind: [],
  postBind: [],
};

/** Upstream's plugins that are no objects here: the queue's order, preemption and binding are the scheduler's own. */
const PREEMPTION = 'DefaultPreemption';
const INHERENT = ['PrioritySort', 'DefaultBinder'];
const MISSING = ['GangScheduling', 'TopologyPlacementGenerator', 'PodGroupPodsCount'];

const PERCENTAGE_MAX = 100;
const EVERYTHING = '*';

interface Entry {
  plugin: Plugin;
  weight?: number | undefined;
  points: Set<ExtensionPoint>;
}

function fitArguments(
  { scoringStrategy, ...rest }: ArgumentDocuments['NodeResourcesFit'],
  path: string,
): PluginArguments['NodeResourcesFit'] {
  if (!scoringStrategy) return rest;
  const { type = 'LeastAllocated', resources, requestedToCapacityRatio } = scoringStrategy;
  if (!['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'].includes(type))
    fail(`${path}.scoringStrategy.type`, `Unsupported value: "${type}"`);
  const shape = requestedToCapacityRatio?.shape ?? [];
  if (type === 'RequestedToCapacityRatio' && shape.length === 0)
    fail(`${path}.scoringStrategy.requestedToCapacityRatio.shape`, 'at least one point must be specified');
  const weights = resources?.length ? resources : ['cpu', 'memory'].map((name) => ({ name, weight: 1 }));
  const strategy: ScoringStrategy = { type: type as ScoringStrategy['type'], resources: weights, shape };
  return { ...rest, scoringStrategy: strategy };
}

function deviceArguments({ filterTimeout, bindingTimeout }: ArgumentDocuments['DynamicResources'], path: string) {
  const milliseconds = (text: string, field: string) =>
    parseDuration(text) ?? fail(`${path}.${field}`, `${JSON.stringify(text)} is not a duration`);
  const filterTimeoutMs = filterTimeout === undefined ? undefined : milliseconds(filterTimeout, 'filterTimeout');
  const bindingTimeoutMs = bindingTimeout === undefined ? undefined : milliseconds(bindingTimeout, 'bindingTimeout');
  if (filterTimeoutMs !== undefined && filterTimeoutMs < 0) fail(`${path}.filterTimeout`, 'must be zero or positive');
  if (bindingTimeoutMs !== undefined && bindingTimeoutMs < 1000) fail(`${path}.bindingTimeout`, 'must be at least 1 second');
  return { ...(filterTimeoutMs === undefined ? {} : { filterTimeoutMs }), ...(bindingTimeoutMs === undefined ? {} : { bindingTimeoutMs }) };
}

/** apis/config/validation ValidateDefaultPreemptionArgs. */
function preemptionArguments(given: ArgumentDocuments['DefaultPreemption'], path: string): PreemptionArguments {
  const checked = { ...DEFAULT_PREEMPTION, ...given };
  const { minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: absolute } = checked;
  if (percentage < 0 || percentage > PERCENTAGE_MAX) fail(`${path}.minCandidateNodesPercentage`, 'not in valid range [0, 100]');
  if (absolute < 0) fail(`${path}.minCandidateNodesAbsolute`, 'not in valid range [0, inf)');
  if (percentage === 0 && absolute === 0)
    fail(`${path}.minCandidateNodesPercentage`, 'cannot be zero at the same time as minCandidateNodesAbsolute');
  return checked;
}

function argumentsOf(document: ProfileDocument, own: OwnPlugins, path: string) {
  const upstream: PluginArguments = {};
  let preemption: PreemptionArguments | undefined;
  const others: Record<string, Record<string, unknown>> = {};
  for (const [index, { name, args = {} }] of (document.pluginConfig ?? []).entries()) {
    const at = `${path}.pluginConfig[${index}].args`;
    if (own[name]) others[name] = args;
    else {
      const checked = checkedArguments(name, args, at);
      if (!checked) continue;
      if (name === PREEMPTION) {
        preemption = preemptionArguments(checked, at);
        continue;
      }
      upstream[name as keyof PluginArguments] = (
        name === 'NodeResourcesFit' ? fitArguments(checked, at) : name === 'DynamicResources' ? deviceArguments(checked, at) : checked
      ) as never;
    }
  }
  return { upstream, others, preemption };
}

class ProfileBuilder {
  readonly #entries = new Map<string, Entry>();
  readonly #make: (name: string, path: string) => Plugin | undefined;
  preempts = true;

  constructor(make: (name: string, path: string) => Plugin | undefined) {
    this.#make = make;
    for (const [name] of pluginMakers) this.#enable(name, EXTENSION_POINTS, undefined, '');
  }

  apply(set: PluginSet, points: readonly ExtensionPoint[], path: string): void {
    for (const { name } of set.disabled ?? []) this.#disable(name, points);
    for (const [index, { name, weight }] of (set.enabled ?? []).entries()) this.#enable(name, points, weight, `${path}.enabled[${index}]`);
  }

  plugins(): Plugin[] {
    return [...this.#entries.values()].flatMap(({ plugin, weight, points }) => {
      if (points.size === 0) return [];
      const copy: Plugin = { ...plugin, ...(weight ? { weight } : {}) };
      for (const point of EXTENSION_POINTS) if (!points.has(point)) for (const member of MEMBERS[point]) delete copy[member];
      return [copy];
    });
  }

  #disable(name: string, points: readonly ExtensionPoint[]): void {
    if (points.includes('postFilter') && (name === PREEMPTION || name === EVERYTHING)) this.preempts = false;
    const names = name === EVERYTHING ? [...this.#entries.keys()] : [name];
    for (const one of names) for (const point of points) this.#entries.get(one)?.points.delete(point);
  }

  #enable(name: string, points: readonly ExtensionPoint[], weight: number | undefined, path: string): void {
    if (name === PREEMPTION && points.includes('postFilter')) this.preempts = true;
    const plugin = this.#make(name, path);
    if (!plugin) return;
    const entry = this.#entries.get(name) ?? { plugin, points: new Set() };
    for (const point of points) entry.points.add(point);
    if (weight) entry.weight = weight;
    this.#entries.set(name, entry);
  }
}

export function profileFrom(
  document: ProfileDocument,
  services: PluginServices,
  own: OwnPlugins,
  percentageOfNodesToScore: number,
  path: string,
): ProfileOptions {
  const { upstream, others, preemption } = argumentsOf(document, own, path);
  const makers = new Map(pluginMakers);
  const builder = new ProfileBuilder((name, at) => {
    if (name === PREEMPTION || INHERENT.includes(name)) return undefined;
    if (MISSING.includes(name)) fail(`${at}.name`, `the plugin ${name} is not built`);
    return (
      own[name]?.(others[name] ?? {}, services) ?? makers.get(name)?.(upstream, services) ?? fail(`${at}.name`, `${name} does not exist`)
    );
  });
  const { multiPoint, ...single } = document.plugins ?? {};
  if (multiPoint) builder.apply(multiPoint, EXTENSION_POINTS, `${path}.plugins.multiPoint`);
  for (const point of EXTENSION_POINTS) if (single[point]) builder.apply(single[point], [point], `${path}.plugins.${point}`);
  const percentage = document.percentageOfNodesToScore ?? percentageOfNodesToScore;
  if (percentage < 0 || percentage > PERCENTAGE_MAX) fail(`${path}.percentageOfNodesToScore`, 'not in valid range [0-100]');
  return {
    schedulerName: document.schedulerName ?? DEFAULT_SCHEDULER_NAME,
    plugins: builder.plugins(),
    preempts: builder.preempts,
    ...(preemption ? { preemption } : {}),
    percentageOfNodesToScore: percentage,
  };
}
