// Ports of the node that a pod takes (pkg/scheduler/util GetHostPorts; framework HostPortInfo.CheckConflict).
import type { corev1 } from '@tiphys/api';

const ANY_ADDRESS = '0.0.0.0';

export interface HostPort {
  /** `0.0.0.0` for every address of the node. */
  ip: string;
  protocol: string;
  port: number;
  containerPort: number;
}

/** Those of containers that run as long as the pod does: sidecars and containers. */
export function hostPortsOf(spec: corev1.PodSpec): HostPort[] {
  const containers = [...(spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always'), ...spec.containers];
  return containers.flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ hostPort, hostIP, protocol, containerPort }) =>
      hostPort ? [{ ip: hostIP || ANY_ADDRESS, protocol: protocol || 'TCP', port: hostPort, containerPort }] : [],
    ),
  );
}

export function hostPortsCollide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === ANY_ADDRESS || b.ip === ANY_ADDRESS);
}
