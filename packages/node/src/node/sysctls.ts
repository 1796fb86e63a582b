// Kernel parameters that pods may set (pkg/kubelet/sysctl): those that concern nobody else on the node. Pure.
import type { corev1 } from '@tiphys/api';
import type { Refusal } from './admission.ts';

/** With the kernel from which on each belongs to a pod's own network, where it did not always. */
const SAFE: Readonly<Record<string, { kernel?: [major: number, minor: number]; namespace: 'IPC' | 'Net' }>> = {
  'kernel.shm_rmid_forced': { namespace: 'IPC' },
  'net.ipv4.ip_local_port_range': { namespace: 'Net' },
  'net.ipv4.tcp_syncookies': { namespace: 'Net' },
  'net.ipv4.ping_group_range': { namespace: 'Net' },
  'net.ipv4.ip_unprivileged_port_start': { namespace: 'Net' },
  'net.ipv4.ip_local_reserved_ports': { namespace: 'Net', kernel: [3, 16] },
  'net.ipv4.tcp_keepalive_time': { namespace: 'Net', kernel: [4, 5] },
  'net.ipv4.tcp_fin_timeout': { namespace: 'Net', kernel: [4, 6] },
  'net.ipv4.tcp_keepalive_intvl': { namespace: 'Net', kernel: [4, 5] },
  'net.ipv4.tcp_keepalive_probes': { namespace: 'Net', kernel: [4, 5] },
  'net.ipv4.tcp_rmem': { namespace: 'Net', kernel: [4, 15] },
  'net.ipv4.tcp_wmem': { namespace: 'Net', kernel: [4, 15] },
};

/** Names may be written with slashes; a dot inside a part then stands for itself. */
export function sysctlName(name: string): string {
  const firstDot = name.indexOf('.');
  const firstSlash = name.indexOf('/');
  if (firstSlash < 0 || (firstDot >= 0 && firstDot < firstSlash)) return name;
  return [...name].map((character) => (character === '/' ? '.' : character === '.' ? '/' : character)).join('');
}

function problemOf(name: string, spec: corev1.PodSpec, kernel: string): string | undefined {
  const safe = Object.hasOwn(SAFE, name) ? SAFE[name] : undefined;
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [needsMajor, needsMinor] = safe?.kernel ?? [0, 0];
  const isKnown = safe && (major > needsMajor || (major === needsMajor && minor >= needsMinor));
  if (!isKnown) return `"${name}" not allowlisted`;
  const isShared = safe.namespace === 'IPC' ? spec.hostIPC : spec.hostNetwork;
  return isShared ? `"${name}" not allowed with host ${safe.namespace} enabled` : undefined;
}

/** `kernel` is the machine's release, such as 6.1.0-18-amd64. */
export function sysctlRefusal({ spec }: corev1.Pod, kernel: string): Refusal | undefined {
  for (const { name } of spec!.securityContext?.sysctls ?? []) {
    const problem = problemOf(sysctlName(name), spec!, kernel);
    if (problem) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${problem}` };
  }
  return undefined;
}
