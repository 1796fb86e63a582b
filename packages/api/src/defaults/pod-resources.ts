// Requests and huge page limits of a whole pod, from its containers' (pkg/apis/core/v1/defaults.go defaultPodRequests,
// defaultHugePagePodLimits; component-helpers resource/helpers.go; KEP-2837).
import type { Container, PodSpec } from '../generated/core-v1.types.ts';
import { Quantity } from '../quantity/quantity.ts';

type Amounts = Map<string, Quantity>;

const isHugePages = (name: string) => name.startsWith('hugepages-');
const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || isHugePages(name);

function amountsOf(container: Container, which: 'limits' | 'requests'): Amounts {
  return new Map(Object.entries(container.resources?.[which] ?? {}).map(([name, text]) => [name, Quantity.parse(text)]));
}

function addTo(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of amounts) total.set(name, (total.get(name) ?? Quantity.zero).add(amount));
}

function raiseTo(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of amounts) if ((total.get(name) ?? Quantity.zero).compare(amount) < 0) total.set(name, amount);
}

/** Containers run together; init containers one after another beside the sidecars started before them. */
function aggregate(spec: PodSpec, which: 'limits' | 'requests'): Amounts {
  const total: Amounts = new Map();
  for (const container of spec.containers ?? []) addTo(total, amountsOf(container, which));
  const sidecars: Amounts = new Map();
  const initPeak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const amounts = amountsOf(container, which);
    if (container.restartPolicy === 'Always') {
      addTo(total, amounts);
      addTo(sidecars, amounts);
      raiseTo(initPeak, sidecars);
    } else {
      const together = new Map(amounts);
      addTo(together, sidecars);
      raiseTo(initPeak, together);
    }
  }
  raiseTo(total, initPeak);
  return total;
}

export function defaultPodLevelResources(spec: PodSpec): void {
  const resources = spec.resources;
  if (!resources) return;
  if (resources.limits || resources.requests) {
    const limits: Record<string, string> = { ...resources.limits };
    for (const [name, amount] of aggregate(spec, 'limits')) {
      if (isHugePages(name) && resources.requests?.[name] === undefined) limits[name] ??= amount.toString();
    }
    if (Object.keys(limits).length > 0) resources.limits = limits;
  }
  if (!resources.limits || Object.keys(resources.limits).length === 0) return;
  const requests: Record<string, string> = { ...resources.requests };
  for (const [name, amount] of aggregate(spec, 'requests')) {
    if (isPodLevel(name) && !isHugePages(name)) requests[name] ??= amount.toString();
  }
  for (const [name, limit] of Object.entries(resources.limits)) if (isPodLevel(name)) requests[name] ??= limit;
  if (Object.keys(requests).length > 0) resources.requests = requests;
}
