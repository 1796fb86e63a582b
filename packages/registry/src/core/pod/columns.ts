// The table of pods (printers/internalversion printPod).
import type { corev1, KubeObject } from '@tiphys/api';
import type { Column } from '../../define-resource.ts';
import { ageColumn, NONE, nameColumn, since, text, wide } from '../../rules/columns.ts';
import { isSidecar } from '../../rules/pod/scope.ts';

interface Summary {
  ready: string;
  status: string;
  restarts: number;
  lastRestart?: string;
}

class Restarts {
  count = 0;
  last: string | undefined;

  add({ restartCount = 0, lastState }: corev1.ContainerStatus): void {
    this.count += restartCount;
    const at = lastState?.terminated?.finishedAt;
    if (at && (!this.last || Date.parse(this.last) < Date.parse(at))) this.last = at;
  }
}

/** How a container that ended is named: its reason, else its signal or exit code. */
function ending({ reason, signal, exitCode = 0 }: corev1.ContainerStateTerminated): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

const isTrue = (status: corev1.PodStatus, type: string) => status.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;

function summarize(pod: corev1.Pod): Summary {
  const [spec, status] = [pod.spec ?? ({ containers: [] } as corev1.PodSpec), pod.status ?? {}];
  let word = status.reason || (status.phase ?? '');
  if (status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')) word = 'SchedulingGated';
  const sidecars = new Set(spec.initContainers?.filter(isSidecar).map(({ name }) => name));
  let ready = 0;
  let starting: string | undefined;
  const [all, ofSidecars] = [new Restarts(), new Restarts()];
  const inits = status.initContainerStatuses ?? [];
  for (let i = 0; i < inits.length; i++) {
    const container = inits[i]!;
    const { terminated, waiting } = container.state ?? {};
    all.add(container);
    if (sidecars.has(container.name)) ofSidecars.add(container);
    if (terminated && !terminated.exitCode) continue;
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) ready++;
      continue;
    }
    if (terminated) starting = `Init:${ending(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') starting = `Init:${waiting.reason}`;
    else starting = `Init:${i}/${spec.initContainers?.length ?? 0}`;
    break;
  }
  if (starting) word = starting;
  let restarts = all;
  if (!starting || isTrue(status, 'Initialized')) {
    restarts = ofSidecars;
    const running = summarizeRunning(status, word, restarts);
    word = running.word;
    ready += running.ready;
  }
  if (pod.metadata?.deletionTimestamp) {
    if (status.reason === 'NodeLost') word = 'Unknown';
    else if (status.phase !== 'Failed' && status.phase !== 'Succeeded') word = 'Terminating';
  }
  const total = (spec.containers?.length ?? 0) + sidecars.size;
  return { ready: `${ready}/${total}`, status: word, restarts: restarts.count, lastRestart: restarts.last };
}

function summarizeRunning(status: corev1.PodStatus, before: string, restarts: Restarts): { word: string; ready: number } {
  let [word, failure, ready, hasRunning] = [before, '', 0, false];
  for (const container of [...(status.containerStatuses ?? [])].reverse()) {
    restarts.add(container);
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) word = waiting.reason;
    else if (terminated) {
      word = ending(terminated);
      if (terminated.exitCode) failure = word;
    } else if (container.ready && running) {
      hasRunning = true;
      ready++;
    }
  }
  if (word === 'Completed') {
    if (hasRunning && isTrue(status, 'Ready')) word = 'Running';
    else if (failure) word = failure;
    else if (hasRunning) word = 'NotReady';
  }
  return { word, ready };
}

function gates(pod: corev1.Pod): string {
  const wanted = pod.spec?.readinessGates ?? [];
  if (!wanted.length) return NONE;
  const met = wanted.filter(({ conditionType }) => isTrue(pod.status ?? {}, conditionType)).length;
  return `${met}/${wanted.length}`;
}

/** A pod's cells come from one pass over it; the columns are asked for one after the other. */
let last: { pod: corev1.Pod; summary: Summary } | undefined;
function summaryOf(pod: corev1.Pod): Summary {
  if (last?.pod !== pod) last = { pod, summary: summarize(pod) };
  return last.summary;
}

function restartsText(pod: corev1.Pod, nowMs: number): string {
  const { restarts, lastRestart } = summaryOf(pod);
  return restarts && lastRestart ? `${restarts} (${since(lastRestart, nowMs)} ago)` : String(restarts);
}

export const podColumns: readonly Column<corev1.Pod>[] = [
  nameColumn as Column<KubeObject>,
  text('Ready', (pod) => summaryOf(pod).ready),
  text('Status', (pod) => summaryOf(pod).status),
  text('Restarts', restartsText),
  ageColumn as Column<KubeObject>,
  wide(text('IP', (pod) => pod.status?.podIPs?.[0]?.ip || NONE)),
  wide(text('Node', (pod) => pod.spec?.nodeName || NONE)),
  wide(text('Nominated Node', (pod) => pod.status?.nominatedNodeName || NONE)),
  wide(text('Readiness Gates', gates)),
];

export function podRowConditions(pod: corev1.Pod): { type: string; status: string; reason?: string; message?: string }[] {
  const phase = pod.status?.phase;
  if (phase === 'Succeeded') {
    return [{ type: 'Completed', status: 'True', reason: phase, message: 'The pod has completed successfully.' }];
  }
  if (phase === 'Failed') return [{ type: 'Completed', status: 'True', reason: phase, message: 'The pod failed.' }];
  return [];
}
