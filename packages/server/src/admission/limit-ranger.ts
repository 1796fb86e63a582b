// Limit ranges: defaults for containers, and bounds for containers, pods and claims (plugin/pkg/admission/limitranger).
import { corev1, type Quantity } from '@tiphys/api';
import { podResources, type QuantityList, quantities, type ResourceAmounts } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin } from '../interfaces.ts';
import { forbidden, isResource } from './attributes.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

type Limit = corev1.LimitRangeItem;

export function limitRanger(): AdmissionPlugin {
  const eachRange = (attributes: AdmissionAttributes, apply: (limits: readonly Limit[]) => void) => {
    if (!isHandled(attributes) || attributes.oldObject?.metadata?.deletionTimestamp) return;
    for (const range of attributes.reader.list(corev1.limitranges, attributes.namespace)) apply(range.spec?.limits ?? []);
  };
  return {
    name: 'LimitRanger',
    admit(attributes) {
      eachRange(attributes, (limits) => {
        if (isResource(attributes, '', 'pods')) setDefaults(attributes.object as corev1.Pod, limits);
      });
    },
    validate(attributes) {
      eachRange(attributes, (limits) => {
        const problems = isResource(attributes, '', 'pods')
          ? podProblems(attributes.object as corev1.Pod, limits)
          : claimProblems(attributes.object as corev1.PersistentVolumeClaim, limits);
        const distinct = [...new Set(problems)];
        if (distinct.length > 0) throw forbidden(attributes, distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`);
      });
    },
  };
}

function isHandled(attributes: AdmissionAttributes): boolean {
  const { operation, subresource, object } = attributes;
  if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
  if (isResource(attributes, '', 'pods'))
    return subresource === 'resize' ? operation === 'UPDATE' : subresource === '' && operation === 'CREATE';
  return isResource(attributes, '', 'persistentvolumeclaims') && subresource === '';
}

function setDefaults(pod: corev1.Pod, limits: readonly Limit[]): void {
  const requests: Record<string, string> = {};
  const ceilings: Record<string, string> = {};
  for (const limit of limits) {
    if (limit.type !== 'Container') continue;
    Object.assign(requests, limit.defaultRequest);
    Object.assign(ceilings, limit.default);
  }
  const notes: string[] = [];
  const fill = (container: corev1.Container, kind: string) => {
    const set = (which: 'requests' | 'limits', defaults: QuantityList, word: string) => {
      const own = container.resources?.[which] ?? {};
      const added = Object.keys(defaults).filter((name) => own[name] === undefined);
      if (added.length === 0) return;
      const more = Object.fromEntries(added.map((name) => [name, defaults[name]!]));
      container.resources = { ...container.resources, [which]: { ...own, ...more } };
      notes.push(`${added.sort().join(', ')} ${word} for ${kind} ${container.name}`);
    };
    set('requests', requests, 'request');
    set('limits', ceilings, 'limit');
  };
  for (const container of pod.spec?.containers ?? []) fill(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container');
  if (notes.length === 0) return;
  pod.metadata = {
    ...pod.metadata,
    annotations: { ...pod.metadata?.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` },
  };
}

interface Stated {
  requests: ResourceAmounts;
  limits: ResourceAmounts;
}

function podProblems({ spec }: corev1.Pod, limits: readonly Limit[]): string[] {
  if (!spec) return [];
  const statedBy = ({ resources }: corev1.Container): Stated => ({
    requests: quantities(resources?.requests as QuantityList | undefined),
    limits: quantities(resources?.limits as QuantityList | undefined),
  });
  return limits.flatMap((limit) => {
    if (limit.type === 'Container') {
      return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap((container) => boundProblems(limit, statedBy(container)));
    }
    if (limit.type !== 'Pod') return [];
    const options = { excludeOverhead: true };
    return boundProblems(limit, { requests: podResources(spec, 'requests', options), limits: podResources(spec, 'limits', options) });
  });
}

const entries = (list: Record<string, string> | undefined): [string, Quantity][] => [...quantities(list)];

function boundProblems(limit: Limit, { requests, limits }: Stated): string[] {
  const problems: string[] = [];
  for (const [name, bound] of entries(limit.min)) {
    const say = (what: string) => problems.push(`minimum ${name} usage per ${limit.type} is ${bound}${what}`);
    const [request, ceiling] = [requests.get(name), limits.get(name)];
    if (!request) say('.  No request is specified');
    else if (request.compare(bound) < 0) say(`, but request is ${request}`);
    else if (ceiling && ceiling.compare(bound) < 0) say(`, but limit is ${ceiling}`);
  }
  for (const [name, bound] of entries(limit.max)) {
    const say = (what: string) => problems.push(`maximum ${name} usage per ${limit.type} is ${bound}${what}`);
    const [request, ceiling] = [requests.get(name), limits.get(name)];
    if (!ceiling) say('.  No limit is specified');
    else if (ceiling.compare(bound) > 0) say(`, but limit is ${ceiling}`);
    else if (request && request.compare(bound) > 0) say(`, but request is ${request}`);
  }
  for (const [name, bound] of entries(limit.maxLimitRequestRatio)) {
    const say = (what: string) => problems.push(`${name} max limit to request ratio per ${limit.type} is ${bound}, but ${what}`);
    const [request, ceiling] = [requests.get(name), limits.get(name)];
    if (!request || request.isZero) say('no request is specified or request is 0');
    else if (!ceiling || ceiling.isZero) say('no limit is specified or limit is 0');
    else {
      const ratio = ceiling.asFloat() / request.asFloat();
      if (ratio > bound.asFloat()) say(`provided ratio is ${ratio.toFixed(6)}`);
    }
  }
  return problems;
}

/** Claims have no limits: both bounds are for what they request. */
function claimProblems(claim: corev1.PersistentVolumeClaim, limits: readonly Limit[]): string[] {
  const requests = quantities(claim.spec?.resources?.requests as QuantityList | undefined);
  const problems: string[] = [];
  for (const limit of limits) {
    if (limit.type !== 'PersistentVolumeClaim') continue;
    const check = (word: string, list: Record<string, string> | undefined, sign: number) => {
      for (const [name, bound] of entries(list)) {
        const request = requests.get(name);
        const say = (what: string) => problems.push(`${word} ${name} usage per ${limit.type} is ${bound}${what}`);
        if (!request) say('.  No request is specified');
        else if (request.compare(bound) === sign) say(`, but request is ${request}`);
      }
    };
    check('minimum', limit.min, -1);
    check('maximum', limit.max, 1);
  }
  return problems;
}
