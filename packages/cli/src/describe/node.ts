// A Node described, with its pods and what they ask for.
import { coordinationv1, corev1, pathOf, Quantity } from '@tiphys/api';
import type { Session } from '../kube/session.ts';
import { sinceText, timeText, writeAnnotations, writeLabels } from './common.ts';
import type { Writer } from './writer.ts';

type Texts = Record<string, string> | undefined;
type Amounts = Map<string, Quantity>;

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const STANDARD = ['cpu', 'memory', 'ephemeral-storage'];

function rolesOf(labels: Texts): string {
  const roles = Object.entries(labels ?? {}).flatMap(([key, value]) =>
    key.startsWith(ROLE_PREFIX) ? [key.slice(ROLE_PREFIX.length)] : key === 'kubernetes.io/role' && value ? [value] : [],
  );
  return (
    roles
      .filter((role) => role !== '')
      .sort()
      .join(',') || '<none>'
  );
}

function add(into: Amounts, list: Texts): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const known = into.get(name);
    const amount = Quantity.parse(text);
    into.set(name, known ? known.add(amount) : amount);
  }
}

function raise(into: Amounts, floor: Amounts): void {
  for (const [name, amount] of floor) if (amount.compare(into.get(name) ?? Quantity.zero) > 0) into.set(name, amount);
}

/** Containers together, or the largest moment of the pod's start (component-helpers resource/helpers.go). */
function podAmounts(pod: corev1.Pod, list: 'requests' | 'limits'): Amounts {
  const total: Amounts = new Map();
  const sidecars: Amounts = new Map();
  const initial: Amounts = new Map();
  for (const { resources } of pod.spec?.containers ?? []) add(total, resources?.[list] as Texts);
  for (const { resources, restartPolicy } of pod.spec?.initContainers ?? []) {
    const own = resources?.[list] as Texts;
    if (restartPolicy === 'Always') {
      add(total, own);
      add(sidecars, own);
      raise(initial, sidecars);
    } else {
      const moment: Amounts = new Map(sidecars);
      add(moment, own);
      raise(initial, moment);
    }
  }
  raise(total, initial);
  for (const [name, text] of Object.entries((pod.spec?.resources?.[list] as Texts) ?? {})) total.set(name, Quantity.parse(text));
  return total;
}

function share(amount: Quantity | undefined, whole: string | undefined): string {
  const of = whole ? Quantity.parse(whole).asFloat() : 0;
  const value = amount ?? Quantity.zero;
  return `${value} (${of === 0 ? 0 : Math.trunc((value.asFloat() / of) * 100)}%)`;
}

function writePods(w: Writer, pods: readonly corev1.Pod[], allocatable: Record<string, string>, nowMs: number): void {
  w.line(0, `Non-terminated Pods:\t(${pods.length} in total)`);
  w.line(1, 'Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge');
  w.line(1, '---------\t----\t\t------------\t----------\t---------------\t-------------\t---');
  const sums = { requests: new Map() as Amounts, limits: new Map() as Amounts };
  for (const pod of pods) {
    const own = { requests: podAmounts(pod, 'requests'), limits: podAmounts(pod, 'limits') };
    for (const list of ['requests', 'limits'] as const)
      for (const [name, amount] of own[list]) sums[list].set(name, (sums[list].get(name) ?? Quantity.zero).add(amount));
    const cells = ['cpu', 'memory'].flatMap((name) =>
      [own.requests, own.limits].map((amounts) => share(amounts.get(name), allocatable[name])),
    );
    const { namespace, name, creationTimestamp } = pod.metadata ?? {};
    w.line(1, `${namespace}\t${name}\t\t${cells.join('\t')}\t${sinceText(creationTimestamp, nowMs)}`);
  }
  w.raw('Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n');
  w.line(1, 'Resource\tRequests\tLimits');
  w.line(1, '--------\t--------\t------');
  const names = Object.keys(allocatable).sort();
  const huge = names.filter((name) => name.startsWith('hugepages-'));
  for (const name of [...STANDARD, ...huge])
    w.line(1, `${name}\t${share(sums.requests.get(name), allocatable[name])}\t${share(sums.limits.get(name), allocatable[name])}`);
  for (const name of names.filter((name) => !STANDARD.includes(name) && name !== 'pods' && !huge.includes(name)))
    w.line(1, `${name}\t${sums.requests.get(name) ?? 0}\t${sums.limits.get(name) ?? 0}`);
}

async function writeLease(w: Writer, name: string, session: Session): Promise<void> {
  try {
    const { spec } = await session.call<coordinationv1.Lease>('GET', pathOf(coordinationv1.leases, 'kube-node-lease', name));
    w.line(0, 'Lease:');
    w.line(1, `HolderIdentity:\t${spec?.holderIdentity ?? '<unset>'}`);
    w.line(1, `AcquireTime:\t${spec?.acquireTime ? timeText(spec.acquireTime) : '<unset>'}`);
    w.line(1, `RenewTime:\t${spec?.renewTime ? timeText(spec.renewTime) : '<unset>'}`);
  } catch (error) {
    w.line(0, `Lease:\tFailed to get lease: ${(error as Error).message}`);
  }
}

function writeStatus(w: Writer, { spec, status = {} }: corev1.Node): void {
  if (status.conditions?.length) {
    w.raw('Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n');
    w.line(1, '----\t------\t-----------------\t------------------\t------\t-------');
    for (const { type, status: value, lastHeartbeatTime, lastTransitionTime, reason, message } of status.conditions)
      w.line(
        1,
        `${type} \t${value} \t${timeText(lastHeartbeatTime)} \t${timeText(lastTransitionTime)} \t${reason ?? ''} \t${message ?? ''}`,
      );
  }
  w.line(0, 'Addresses:');
  for (const { type, address } of status.addresses ?? []) w.line(1, `${type}:\t${address}`);
  for (const [title, list] of [
    ['Capacity', status.capacity],
    ['Allocatable', status.allocatable],
  ] as const) {
    const names = Object.keys(list ?? {}).sort();
    if (names.length > 0) w.line(0, `${title}:`);
    for (const name of names) w.line(1, `${name}:\t${(list as Record<string, string>)[name]}`);
  }
  const { nodeInfo: info } = status;
  w.line(0, 'System Info:');
  const facts: [string, string | undefined][] = [
    ['Machine ID', info?.machineID],
    ['System UUID', info?.systemUUID],
    ['Boot ID', info?.bootID],
    ['Kernel Version', info?.kernelVersion],
    ['OS Image', info?.osImage],
    ['Operating System', info?.operatingSystem],
    ['Architecture', info?.architecture],
    ['Container Runtime Version', info?.containerRuntimeVersion],
    ['Kubelet Version', info?.kubeletVersion],
  ];
  for (const [title, text] of facts) w.line(1, `${title}:\t${text ?? ''}`);
  if (spec?.podCIDR) w.line(0, `PodCIDR:\t${spec.podCIDR}`);
  if (spec?.podCIDRs?.length) w.line(0, `PodCIDRs:\t${spec.podCIDRs.join(',')}`);
  if (spec?.providerID) w.line(0, `ProviderID:\t${spec.providerID}`);
}

export async function writeNode(w: Writer, node: corev1.Node, session: Session, nowMs: number): Promise<void> {
  const { metadata, spec, status } = node;
  const name = metadata?.name ?? '';
  w.line(0, `Name:\t${name}`);
  w.line(0, `Roles:\t${rolesOf(metadata?.labels as Texts)}`);
  writeLabels(w, 'Labels', metadata?.labels as Texts);
  writeAnnotations(w, 'Annotations', metadata?.annotations as Texts);
  w.line(0, `CreationTimestamp:\t${timeText(metadata?.creationTimestamp)}`);
  const taints = [...(spec?.taints ?? [])].sort((a, b) => (`${a.effect},${a.key}` < `${b.effect},${b.key}` ? -1 : 1));
  const taintTexts = taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}`);
  w.raw(`Taints:\t${taintTexts.length === 0 ? '<none>' : taintTexts.join('\n\t')}\n`);
  w.line(0, `Unschedulable:\t${spec?.unschedulable ?? false}`);
  await writeLease(w, name, session);
  writeStatus(w, node);
  const fieldSelector = `spec.nodeName=${name},status.phase!=Succeeded,status.phase!=Failed`;
  const { items } = await session.call<{ items: corev1.Pod[] }>('GET', pathOf(corev1.pods), { query: { fieldSelector } });
  writePods(w, items, (status?.allocatable ?? status?.capacity ?? {}) as Record<string, string>, nowMs);
}
