// The pod conditions that a node owns (pkg/kubelet/status/generate.go).
import type { corev1 } from '@tiphys/api';
import type { ResizeCondition } from './pod-resize.ts';
import { isSidecar, type PodRuntime } from './pod-runtime.ts';
import { allContainersRestart, couldRestartAll, isCleanedUp, RESTARTING_CONDITION } from './restart.ts';

const DISRUPTION = 'DisruptionTarget';

export const NODE_CONDITIONS: readonly string[] = [
  'PodScheduled',
  'Ready',
  'Initialized',
  'ContainersReady',
  'PodReadyToStartContainers',
  DISRUPTION,
  'PodResizePending',
  'PodResizeInProgress',
  RESTARTING_CONDITION,
];

type Statuses = ReadonlyMap<string, corev1.ContainerStatus>;
type Draft = Pick<corev1.PodCondition, 'type' | 'status' | 'reason' | 'message'>;

const truth = (type: string): Draft => ({ type, status: 'True' });
const list = (names: readonly string[]) => `[${names.join(' ')}]`;

function containersReady(pod: corev1.Pod, statuses: Statuses, phase: string): Draft {
  const watched = [...(pod.spec!.initContainers ?? []).filter(isSidecar), ...pod.spec!.containers].map(({ name }) => name);
  const unknown = watched.filter((name) => !statuses.has(name));
  const unready = watched.filter((name) => statuses.has(name) && !statuses.get(name)!.ready);
  const isFalse = (reason: string, message?: string) => ({
    type: 'ContainersReady',
    status: 'False',
    reason,
    ...(message ? { message } : {}),
  });
  if (phase === 'Succeeded' && unknown.length === 0) return isFalse('PodCompleted');
  if (phase === 'Failed') return isFalse('PodFailed');
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${list(unknown)}`] : []),
    ...(unready.length > 0 ? [`containers with unready status: ${list(unready)}`] : []),
  ];
  return messages.length > 0 ? isFalse('ContainersNotReady', messages.join(', ')) : truth('ContainersReady');
}

function ready(pod: corev1.Pod, containers: Draft, others: readonly corev1.PodCondition[]): Draft {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const messages: string[] = [];
  for (const { conditionType } of pod.spec!.readinessGates ?? []) {
    const condition = others.find(({ type }) => type === conditionType);
    if (!condition) messages.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== 'True') {
      messages.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
    }
  }
  if (messages.length === 0) return truth('Ready');
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

const hasStarted = (status: corev1.ContainerStatus | undefined) =>
  Boolean(status && (status.state?.running || status.state?.terminated || status.lastState?.terminated));

function initialized({ pod, statuses, phase, old }: ConditionInput): Draft {
  const inits = pod.spec!.initContainers ?? [];
  const unknown = inits.filter(({ name }) => !statuses.has(name)).map(({ name }) => name);
  const incomplete = inits
    .filter((container) => {
      const status = statuses.get(container.name);
      return status && !(isSidecar(container) ? status.started : status.ready);
    })
    .map(({ name }) => name);
  if (phase === 'Succeeded' && unknown.length === 0) return { ...truth('Initialized'), reason: 'PodCompleted' };
  if (pod.spec!.containers.some(({ name }) => hasStarted(statuses.get(name)))) return truth('Initialized');
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${list(unknown)}`] : []),
    ...(incomplete.length > 0 ? [`containers with incomplete status: ${list(incomplete)}`] : []),
  ];
  // A pod that starts over in its sandbox stays initialized.
  const was = old.conditions?.some(({ type, status }) => type === 'Initialized' && status === 'True');
  if (messages.length === 0 || was) return truth('Initialized');
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message: messages.join(', ') };
}

const RESTARTING = { reason: 'RestartAllContainersStarted', message: 'container exited with restart policy rule' };

/** Only for pods that have a rule which could bring it about. */
function restarting({ pod, runtime, old, phase }: ConditionInput): Draft[] {
  if (!couldRestartAll(pod)) return [];
  const isFalse = { type: RESTARTING_CONDITION, status: 'False' };
  if (phase === 'Succeeded') return [{ ...isFalse, reason: 'PodCompleted' }];
  if (phase === 'Failed') return [{ ...isFalse, reason: 'PodFailed' }];
  if (!allContainersRestart(pod, runtime, old) || isCleanedUp(pod, runtime)) return [isFalse];
  return [{ type: RESTARTING_CONDITION, status: 'True', ...RESTARTING }];
}

export interface ConditionInput {
  pod: corev1.Pod;
  runtime: PodRuntime;
  old: corev1.PodStatus;
  statuses: Statuses;
  phase: string;
  hasSandbox: boolean;
  /** How far a resize in place has come. */
  resize?: readonly ResizeCondition[];
  /** Why the pod is ended for the sake of others. */
  disruption?: string;
  /** RFC 3339, for conditions that change. */
  now: string;
}

/** Conditions of others first, as they were; then ours, whose time of transition changes only with their status. */
export function conditionsOf(input: ConditionInput): corev1.PodCondition[] {
  const { pod, old, statuses, phase, hasSandbox, resize = [], now, disruption } = input;
  const others = (pod.status?.conditions ?? []).filter(({ type }) => !NODE_CONDITIONS.includes(type));
  const told = (old.conditions ?? pod.status?.conditions ?? []).filter(({ type }) => type === DISRUPTION);
  const containers = containersReady(pod, statuses, phase);
  const drafts: (Draft & { observedGeneration?: number })[] = [
    ...resize,
    { type: 'PodReadyToStartContainers', status: hasSandbox ? 'True' : 'False' },
    initialized(input),
    ready(pod, containers, others),
    containers,
    truth('PodScheduled'),
    ...restarting(input),
    ...(disruption === undefined ? [] : [{ type: DISRUPTION, status: 'True', reason: 'TerminationByKubelet', message: disruption }]),
  ];
  const { generation } = pod.metadata!;
  const ours = drafts.map((draft): corev1.PodCondition => {
    const before = old.conditions?.find(({ type }) => type === draft.type);
    return {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...draft,
      lastProbeTime: null as unknown as string,
      lastTransitionTime: before?.status === draft.status && before.lastTransitionTime ? before.lastTransitionTime : now,
    };
  });
  return [...others, ...(disruption === undefined ? told : []), ...ours];
}
