// What a pod asks of a node (component-helpers resource/helpers.go): containers together, or the largest moment of its start.
import { type corev1, parseQuantity } from '@tiphys/api';

/** Resource name → amount: cpu in thousandths, everything else in units. */
export type Amounts = Map<string, number>;

type Quantities = Readonly<Record<string, string>> | undefined;

/** Texts whose amounts are remembered; pods and nodes write the same few again and again. */
const TEXTS_MAX = 1024;
const thousandths = new Map<string, number>();
const units = new Map<string, number>();

function amountOf(text: string, isCpu: boolean): number {
  const known = isCpu ? thousandths : units;
  let amount = known.get(text);
  if (amount === undefined) {
    const quantity = parseQuantity(text);
    amount = isCpu ? quantity.asMilli() : quantity.asNumber();
    if (known.size >= TEXTS_MAX) known.clear();
    known.set(text, amount);
  }
  return amount;
}

export function amountsOf(list: Quantities): Amounts {
  const amounts: Amounts = new Map();
  for (const name in list) amounts.set(name, amountOf(list[name]!, name === 'cpu'));
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
function aggregated(spec: corev1.PodSpec, of: (container: corev1.Container) => Amounts): Amounts {
  const total: Amounts = new Map();
  for (const container of spec.containers) addAmounts(total, of(container));
  const sidecars: Amounts = new Map();
  const initial: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const amounts = of(container);
    if (container.restartPolicy === 'Always') {
      addAmounts(total, amounts);
      addAmounts(sidecars, amounts);
      raiseTo(initial, sidecars);
    } else raiseTo(initial, summed(amounts, sidecars));
  }
  raiseTo(total, initial);
  return total;
}

const isInfeasible = ({ status }: corev1.Pod): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') ?? false;

/** What the pod as a whole asks for, or is still given while it is being resized. */
function podLevelRequests(pod: corev1.Pod): Amounts {
  const wanted = amountsOf(pod.spec!.resources?.requests);
  const { resources, allocatedResources } = pod.status ?? {};
  if (!resources || wanted.size === 0) return wanted;
  const given = amountsOf(resources.requests);
  raiseTo(given, amountsOf(allocatedResources));
  const held: Amounts = isInfeasible(pod) ? new Map() : new Map(wanted);
  for (const name of wanted.keys()) raiseTo(held, new Map([[name, given.get(name) ?? 0]]));
  return held;
}

export function podRequests(pod: corev1.Pod): Amounts {
  const spec = pod.spec!;
  const statuses = new Map(
    [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].map((s) => [s.name, s]),
  );
  const total = aggregated(spec, (container) => containerRequests(container, statuses));
  for (const [name, amount] of podLevelRequests(pod)) total.set(name, amount);
  if (spec.overhead) addAmounts(total, amountsOf(spec.overhead));
  return total;
}

/** What the pod may use at most, of the resources that some container or the pod itself has a limit for. */
export function podLimits({ spec }: corev1.Pod): Amounts {
  const total = aggregated(spec!, ({ resources }) => amountsOf(resources?.limits));
  for (const [name, amount] of amountsOf(spec!.resources?.limits)) total.set(name, amount);
  for (const [name, amount] of amountsOf(spec!.overhead)) if (total.get(name)) addAmounts(total, new Map([[name, amount]]));
  return total;
}
