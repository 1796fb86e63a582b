// What a pod asks of a node (component-helpers resource/helpers.go): containers together, or the largest moment of its start.
import { type corev1, parseQuantity } from '@tiphys/api';

/** Resource name → amount: cpu in thousandths, everything else in units. */
export type Amounts = Map<string, number>;

type Quantities = Readonly<Record<string, string>> | undefined;

export function amountsOf(list: Quantities): Amounts {
  const amounts: Amounts = new Map();
  for (const name in list) {
    const quantity = parseQuantity(list[name]!);
    amounts.set(name, name === 'cpu' ? quantity.asMilli() : quantity.asNumber());
  }
  return amounts;
}

export function addAmounts(into: Amounts, more: Amounts, factor = 1): void {
  for (const [name, amount] of more) into.set(name, (into.get(name) ?? 0) + factor * amount);
}

function raiseTo(into: Amounts, floor: Amounts): void {
  for (const [name, amount] of floor) if (amount > (into.get(name) ?? 0)) into.set(name, amount);
}

function summed(a: Amounts, b: Amounts): Amounts {
  const sum: Amounts = new Map(a);
  addAmounts(sum, b);
  return sum;
}

/** The larger of what is asked for and what is already given to a container that is being resized. */
function containerRequests(container: corev1.Container, statuses: ReadonlyMap<string, corev1.ContainerStatus>): Amounts {
  const requests = amountsOf(container.resources?.requests);
  const allocated = statuses.get(container.name)?.allocatedResources;
  if (allocated) raiseTo(requests, amountsOf(allocated));
  return requests;
}

/** Sidecars (init containers that restart always) run on; other init containers run alone beside the sidecars before them. */
export function podRequests(pod: corev1.Pod): Amounts {
  const spec = pod.spec!;
  const statuses = new Map(
    [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].map((s) => [s.name, s]),
  );
  const total: Amounts = new Map();
  for (const container of spec.containers) addAmounts(total, containerRequests(container, statuses));
  const sidecars: Amounts = new Map();
  const initial: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const requests = containerRequests(container, statuses);
    if (container.restartPolicy === 'Always') {
      addAmounts(total, requests);
      addAmounts(sidecars, requests);
      raiseTo(initial, sidecars);
    } else raiseTo(initial, summed(requests, sidecars));
  }
  raiseTo(total, initial);
  for (const [name, amount] of amountsOf(spec.resources?.requests)) total.set(name, amount);
  if (spec.overhead) addAmounts(total, amountsOf(spec.overhead));
  return total;
}
