// Writes pod statuses to the API, the newest only, one write per pod at a time (pkg/kubelet/status/status_manager.go).
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isNotFound, StatusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { RESIZE_CONDITIONS } from './pod-resize.ts';

export interface StatusWriter {
  set(pod: corev1.Pod, status: corev1.PodStatus): void;
  /** What was set last. */
  get(podUid: string): corev1.PodStatus | undefined;
  /** Whether somebody else has changed what this node reports: the node lifecycle controller, for example, while the node was away. */
  isOverwritten(pod: corev1.Pod): boolean;
  /** Resolves when what was set is written, or can't be. */
  written(podUid: string): Promise<void>;
  forget(podUid: string): void;
}

interface Entry {
  pod: corev1.Pod;
  wanted: corev1.PodStatus;
  /** As the server has it. */
  known: corev1.PodStatus;
  knownRevision: number;
  writing: Promise<void> | undefined;
}

const revisionOf = (pod: corev1.Pod): number => Number(pod.metadata?.resourceVersion ?? 0);

const RETRY_MS = 1000;
const CONFLICTS = new Set(['Conflict', 'TooManyRequests']);

/** JSON text with sorted keys, so that equal statuses compare equal. */
export function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${stableText(item)}`)
    .join(',')}}`;
}

/** Conditions of this node that go away again. */
const PASSING = RESIZE_CONDITIONS;

type Loose = Record<string, unknown>;

function patchConditions(known: readonly corev1.PodCondition[], wanted: readonly corev1.PodCondition[]): Loose[] {
  const patches: Loose[] = [];
  for (const condition of wanted) {
    const before = known.find(({ type }) => type === condition.type);
    if (before && stableText(before) === stableText(condition)) continue;
    const cleared = Object.fromEntries(['reason', 'message'].filter((key) => before?.[key as 'reason']).map((key) => [key, null]));
    patches.push({ ...cleared, ...condition });
  }
  for (const { type } of known) {
    if (PASSING.includes(type) && !wanted.some((condition) => condition.type === type)) patches.push({ $patch: 'delete', type });
  }
  return patches;
}

/** A strategic merge patch from what the server has to what it should have; undefined when nothing differs. */
export function statusPatch(uid: string, known: corev1.PodStatus, wanted: corev1.PodStatus): object | undefined {
  const changes: Loose = {};
  for (const key of new Set([...Object.keys(known), ...Object.keys(wanted)]) as Set<keyof corev1.PodStatus>) {
    if (key === 'conditions' || (wanted[key] === undefined && !OWNED.has(key))) continue;
    if (stableText(known[key]) === stableText(wanted[key])) continue;
    const replaces = (key === 'podIPs' || key === 'hostIPs') && (known[key]?.length ?? 0) > 0;
    changes[key] = wanted[key] === undefined ? null : replaces ? [...wanted[key]!, { $patch: 'replace' }] : wanted[key];
  }
  const conditions = patchConditions(known.conditions ?? [], wanted.conditions ?? []);
  if (conditions.length > 0) changes.conditions = conditions;
  return Object.keys(changes).length > 0 ? { metadata: { uid }, status: changes } : undefined;
}

/** Fields that only the node sets, and may take away. */
const OWNED = new Set<string>(['message', 'reason', 'podIP', 'podIPs', 'containerStatuses', 'initContainerStatuses']);

export function statusWriter(client: Client, runtime: Runtime): StatusWriter {
  const pods = client.of(corev1.pods);
  const entries = new Map<string, Entry>();

  const write = async (uid: string, entry: Entry): Promise<void> => {
    for (;;) {
      const { pod, wanted } = entry;
      const patch = statusPatch(uid, entry.known, wanted);
      if (!patch) return;
      const { name, namespace } = pod.metadata!;
      try {
        const written = await pods.patch(name!, namespace, 'strategic', patch, { subresource: 'status' });
        entry.known = written.status ?? {};
        entry.knownRevision = revisionOf(written);
        if (entry.wanted === wanted) return;
      } catch (error) {
        if (isNotFound(error) || !entries.has(uid)) return;
        // Another pod took the name: its uid does not fit the patch.
        if (error instanceof StatusError && error.code < 500 && error.code >= 400 && !CONFLICTS.has(error.reason)) {
          runtime.log.warning('a pod status was refused', { pod: `${namespace}/${name}`, error: error.message });
          return;
        }
        runtime.log.debug('writing a pod status failed', { pod: `${namespace}/${name}`, error: String(error) });
        await runtime.clock.sleep(RETRY_MS);
        if (!entries.has(uid)) return;
      }
    }
  };
  return {
    set: (pod, status) => {
      const uid = pod.metadata!.uid!;
      const revision = revisionOf(pod);
      const first: Entry = { pod, wanted: status, known: pod.status ?? {}, knownRevision: revision, writing: undefined };
      const entry = entries.get(uid) ?? first;
      if (revision > entry.knownRevision) {
        entry.known = pod.status ?? {};
        entry.knownRevision = revision;
      }
      entry.pod = pod;
      entry.wanted = status;
      entries.set(uid, entry);
      entry.writing ??= write(uid, entry).finally(() => {
        entry.writing = undefined;
      });
    },
    get: (podUid) => entries.get(podUid)?.wanted,
    isOverwritten: (pod) => {
      const entry = entries.get(pod.metadata!.uid!);
      // Our own write comes back before its answer; then it is what is wanted.
      if (!entry || entry.writing || revisionOf(pod) <= entry.knownRevision) return false;
      return statusPatch(pod.metadata!.uid!, pod.status ?? {}, entry.wanted) !== undefined;
    },
    written: async (podUid) => {
      await entries.get(podUid)?.writing;
    },
    forget: (podUid) => void entries.delete(podUid),
  };
}
