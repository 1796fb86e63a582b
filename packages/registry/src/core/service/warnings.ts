// Advice about Services (api/service/warnings.go).
import type { corev1 } from '@tiphys/api';
import { addressWarnings, blockWarnings } from '../../rules/addresses.ts';
import { specOf } from './kinds.ts';

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';

export function serviceWarnings(service: corev1.Service): string[] {
  const spec = specOf(service);
  const warnings: string[] = [];
  if (service.metadata?.annotations?.[TOPOLOGY_HINTS] !== undefined) {
    warnings.push(`annotation ${TOPOLOGY_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  }
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  if (spec.clusterIP && !headless) {
    spec.clusterIPs?.forEach((ip, i) => {
      warnings.push(...addressWarnings(`spec.clusterIPs[${i}]`, ip));
    });
  }
  if (headless) {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (spec.externalIPs?.length) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  spec.externalIPs?.forEach((ip, i) => {
    warnings.push(...addressWarnings(`spec.externalIPs[${i}]`, ip));
  });
  if (spec.externalIPs?.length && !headless && spec.type !== 'ExternalName')
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (spec.loadBalancerIP) warnings.push(...addressWarnings('spec.loadBalancerIP', spec.loadBalancerIP));
  spec.loadBalancerSourceRanges?.forEach((cidr, i) => {
    warnings.push(...blockWarnings(`spec.loadBalancerSourceRanges[${i}]`, cidr));
  });
  if (spec.type === 'ExternalName' && spec.externalIPs?.length) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
