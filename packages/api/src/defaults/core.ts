// Defaults of the core group's kinds other than pods (pkg/apis/core/v1/defaults.go, conversion.go).
import type {
  Endpoints,
  LimitRangeItem,
  Namespace,
  NamespaceStatus,
  NodeSpec,
  NodeStatus,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  ReplicationController,
  Secret,
  Service,
} from '../generated/core-v1.types.ts';
import { sorted } from './pods.ts';
import type { DefaultFunction } from './types.ts';

const CLIENT_IP_SECONDS = 10_800;

/** Whether traffic may come from outside the cluster. */
export function isExternallyAccessible(service: Service): boolean {
  const { type, externalIPs } = service.spec ?? {};
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);
}

function defaultService(service: Service): void {
  const spec = service.spec!;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds == null) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: CLIENT_IP_SECONDS } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

/** stringData is only a way to write; it is never kept. */
function mergeStringData(secret: Secret): void {
  secret.type ||= 'Opaque';
  if (!secret.stringData) return;
  const data: Record<string, string> = { ...secret.data };
  for (const [key, text] of Object.entries(secret.stringData)) data[key] = Buffer.from(text, 'utf8').toString('base64');
  secret.data = sorted(data);
  delete secret.stringData;
}

function defaultReplicationController(controller: ReplicationController): void {
  const labels = controller.spec?.template?.metadata?.labels;
  if (!labels) return;
  controller.spec!.selector ??= { ...labels };
  controller.metadata!.labels ??= { ...labels };
}

function defaultLimitRangeItem(item: LimitRangeItem): void {
  if (item.type !== 'Container') return;
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = sorted(limits);
  if (Object.keys(requests).length > 0) item.defaultRequest = sorted(requests);
}

const CORE = 'io.k8s.api.core.v1.';

export const coreDefaults: Record<string, DefaultFunction> = {
  [`${CORE}Service`]: defaultService,
  [`${CORE}Secret`]: mergeStringData,
  [`${CORE}ReplicationController`]: defaultReplicationController,
  [`${CORE}LimitRangeItem`]: defaultLimitRangeItem,
  [`${CORE}Endpoints`]: (endpoints: Endpoints) => {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  [`${CORE}Namespace`]: (namespace: Namespace) => {
    const name = namespace.metadata?.name;
    if (name) namespace.metadata!.labels = sorted({ ...namespace.metadata!.labels, 'kubernetes.io/metadata.name': name });
  },
  [`${CORE}NamespaceStatus`]: (status: NamespaceStatus) => {
    status.phase ||= 'Active';
  },
  [`${CORE}NodeStatus`]: (status: NodeStatus) => {
    if (status.capacity) status.allocatable ??= { ...status.capacity };
  },
  [`${CORE}NodeSpec`]: (spec: NodeSpec) => {
    // Ranges are written twice, for clients of one family and of two; where they say something else, the single one counts.
    if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
    const first = spec.podCIDRs?.[0];
    if (first) spec.podCIDR = first;
    else delete spec.podCIDR;
  },
  [`${CORE}PersistentVolume`]: (volume: PersistentVolume) => {
    volume.status!.phase ||= 'Pending';
    volume.spec!.persistentVolumeReclaimPolicy ||= 'Retain';
    volume.spec!.volumeMode ??= 'Filesystem';
  },
  [`${CORE}PersistentVolumeClaim`]: (claim: PersistentVolumeClaim) => {
    claim.status!.phase ||= 'Pending';
  },
  [`${CORE}PersistentVolumeClaimSpec`]: (spec: PersistentVolumeClaimSpec) => {
    spec.volumeMode ??= 'Filesystem';
  },
};
