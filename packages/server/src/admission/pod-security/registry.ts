// Which checks belong to a level at a version, in the order that messages have them (policy/registry.go).
import type { corev1, ObjectMeta } from '@tiphys/api';
import * as baseline from './baseline.ts';
import type { CheckPod, Finding, Level } from './checks.ts';
import * as restricted from './restricted.ts';

/** 'latest', or the minor of `v1.minor`. */
export type Version = 'latest' | number;

interface Check {
  id: string;
  /** The check from each minor version on. */
  versions: readonly (readonly [minor: number, check: CheckPod])[];
  /** Baseline checks that a restricted one stands in for, from its first version on. */
  replaces?: string;
}

const BASELINE: readonly Check[] = [
  { id: 'appArmorProfile', versions: [[0, baseline.appArmorProfile]] },
  { id: 'capabilities_baseline', versions: [[0, baseline.capabilities]] },
  { id: 'hostNamespaces', versions: [[0, baseline.hostNamespaces]] },
  { id: 'hostPathVolumes', versions: [[0, baseline.hostPathVolumes]] },
  { id: 'hostPorts', versions: [[0, baseline.hostPorts]] },
  { id: 'hostProbesAndHostLifecycle', versions: [[34, baseline.hostProbesAndHostLifecycle]] },
  { id: 'privileged', versions: [[0, baseline.privileged]] },
  {
    id: 'procMount',
    versions: [
      [0, baseline.procMount],
      [35, baseline.procMountUnlessUserNamespace],
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      [0, baseline.seLinuxOptions(baseline.SELINUX_TYPES)],
      [31, baseline.seLinuxOptions(baseline.SELINUX_TYPES_1_31)],
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      [0, baseline.seccompAnnotations],
      [19, baseline.seccompProfile],
    ],
  },
  {
    id: 'sysctls',
    versions: [
      [0, baseline.sysctls(baseline.SYSCTLS)],
      [27, baseline.sysctls(baseline.SYSCTLS_1_27)],
      [29, baseline.sysctls(baseline.SYSCTLS_1_29)],
      [32, baseline.sysctls(baseline.SYSCTLS_1_32)],
    ],
  },
  { id: 'windowsHostProcess', versions: [[0, baseline.windowsHostProcess]] },
];

const { exceptUserNamespaces, exceptWindows } = restricted;

const RESTRICTED: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      [8, restricted.allowPrivilegeEscalation],
      [25, exceptWindows(restricted.allowPrivilegeEscalation)],
    ],
  },
  {
    id: 'capabilities_restricted',
    versions: [
      [22, restricted.capabilities],
      [25, exceptWindows(restricted.capabilities)],
    ],
    replaces: 'capabilities_baseline',
  },
  { id: 'procMount_restricted', versions: [[35, baseline.procMount]], replaces: 'procMount' },
  { id: 'restrictedVolumes', versions: [[0, restricted.volumes]], replaces: 'hostPathVolumes' },
  {
    id: 'runAsNonRoot',
    versions: [
      [0, restricted.runAsNonRoot],
      [35, exceptUserNamespaces(restricted.runAsNonRoot)],
    ],
  },
  {
    id: 'runAsUser',
    versions: [
      [23, restricted.runAsUser],
      [35, exceptUserNamespaces(restricted.runAsUser)],
    ],
  },
  {
    id: 'seccompProfile_restricted',
    versions: [
      [19, restricted.seccomp],
      [25, exceptWindows(restricted.seccomp)],
    ],
    replaces: 'seccompProfile_baseline',
  },
];

const at = (check: Check, version: Version): CheckPod | undefined =>
  check.versions.findLast(([minor]) => version === 'latest' || minor <= version)?.[1];

function checksOf(level: Level, version: Version): CheckPod[] {
  if (level === 'privileged') return [];
  const present = (checks: readonly Check[]) => checks.flatMap((check) => at(check, version) ?? []);
  if (level === 'baseline') return present(BASELINE);
  const replaced = new Set(RESTRICTED.filter((check) => at(check, version)).map((check) => check.replaces));
  return [...present(BASELINE.filter((check) => !replaced.has(check.id))), ...present(RESTRICTED)];
}

export function evaluate(level: Level, version: Version, spec: corev1.PodSpec, metadata: ObjectMeta): Finding[] {
  return checksOf(level, version).flatMap((check) => check(spec, metadata) ?? []);
}
