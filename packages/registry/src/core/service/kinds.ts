// What the rules of Services ask of one (apis/core/validation, api/service/util.go).
import type { corev1 } from '@tiphys/api';

type Spec = corev1.ServiceSpec;
export type Family = 'IPv4' | 'IPv6';

export const specOf = (service: corev1.Service | undefined): Spec => service?.spec ?? {};
export const isHeadless = (spec: Spec) => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
export const needsClusterIp = (spec: Spec) => spec.type !== 'ExternalName';
export const needsNodePort = (spec: Spec) => spec.type === 'NodePort' || spec.type === 'LoadBalancer';
export const needsHealthCheckPort = (spec: Spec) => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
/** Whether traffic from outside is meant to arrive. */
export const isExternal = (spec: Spec) => needsNodePort(spec) || (spec.type === 'ClusterIP' && Boolean(spec.externalIPs?.length));
export const familyOf = (ip: string): Family => (ip.includes(':') ? 'IPv6' : 'IPv4');
export const sameList = (a: readonly string[] = [], b: readonly string[] = []) => a.length === b.length && a.every((x, i) => x === b[i]);
export const nodePortsOf = (spec: Spec) => (spec.ports ?? []).flatMap(({ nodePort }) => (nodePort ? [nodePort] : []));
