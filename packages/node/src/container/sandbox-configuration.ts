// A pod's sandbox as CRI wants it (kuberuntime/kuberuntime_sandbox.go generatePodSandboxConfig). Pure.
import type { corev1 } from '@tiphys/api';
import type { PodSandboxConfig } from '../cri/generated/cri.ts';
import { Protocol } from '../cri/generated/cri.ts';
import { sysctlName } from '../node/sysctls.ts';
import { isHostNetwork, LABELS } from '../pod-worker/pod-runtime.ts';
import { type DnsSettings, kernelHostname, podDns, podNames } from './hosts.ts';
import { sandboxSecurity } from './security.ts';

export interface SandboxInput {
  pod: corev1.Pod;
  attempt: number;
  dns: DnsSettings;
  cgroupParent: string;
  logDirectory: string;
}

const PROTOCOLS: Record<string, number> = Protocol;

function portMappings(pod: corev1.Pod): PodSandboxConfig['portMappings'] {
  return pod.spec!.containers.flatMap((container) =>
    (container.ports ?? []).map((port) => ({
      protocol: PROTOCOLS[port.protocol ?? 'TCP'] ?? Protocol.TCP,
      containerPort: port.containerPort,
      ...(port.hostPort ? { hostPort: port.hostPort } : {}),
      ...(port.hostIP ? { hostIp: port.hostIP } : {}),
    })),
  );
}

export function sandboxConfiguration({ pod, attempt, dns, cgroupParent, logDirectory }: SandboxInput): PodSandboxConfig {
  const { name, namespace, uid, labels, annotations } = pod.metadata!;
  const sysctls = Object.fromEntries((pod.spec!.securityContext?.sysctls ?? []).map((sysctl) => [sysctlName(sysctl.name), sysctl.value]));
  return {
    metadata: { name: name!, namespace: namespace!, uid: uid!, attempt },
    ...(isHostNetwork(pod) ? {} : { hostname: kernelHostname(pod, podNames(pod, dns.clusterDomain)) }),
    logDirectory,
    dnsConfig: podDns(pod, dns),
    portMappings: portMappings(pod)!,
    labels: { ...labels, [LABELS.podName]: name!, [LABELS.podNamespace]: namespace!, [LABELS.podUid]: uid! },
    annotations: annotations ?? {},
    linux: { cgroupParent, securityContext: sandboxSecurity(pod), sysctls },
  };
}
