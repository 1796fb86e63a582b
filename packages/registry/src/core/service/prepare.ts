// Fields that go when a Service's type no longer has them and the client did not touch them
// (registry/core/service/strategy.go dropTypeDependentFields).
import type { corev1 } from '@tiphys/api';
import { isExternal, needsClusterIp, needsHealthCheckPort, needsNodePort, nodePortsOf, sameList, specOf } from './kinds.ts';

export function prepareServiceForUpdate(service: corev1.Service, old: corev1.Service): void {
  const [spec, before] = [specOf(service), specOf(old)];
  service.status = { ...old.status };
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if ((before.clusterIP ?? '') === (spec.clusterIP ?? '') && sameList(before.clusterIPs, spec.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (sameList(before.ipFamilies, spec.ipFamilies)) delete spec.ipFamilies;
    if (before.ipFamilyPolicy === spec.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  if (needsNodePort(before) && !needsNodePort(spec)) {
    const held = new Set(nodePortsOf(before));
    if (nodePortsOf(spec).every((port) => held.has(port))) for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(spec) && before.healthCheckNodePort === spec.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (before.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts;
    if (before.loadBalancerClass === spec.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isExternal(before) && !isExternal(spec) && before.externalTrafficPolicy === spec.externalTrafficPolicy) {
    delete spec.externalTrafficPolicy;
  }
  dropInternalPolicy(spec);
  if (spec.type !== 'LoadBalancer') service.status.loadBalancer = {};
}

/** A name elsewhere has no traffic in here; upstream leaves the policy out of all answers (defaultOnReadInternalTrafficPolicy). */
export function dropInternalPolicy(spec: corev1.ServiceSpec): void {
  const { type, internalTrafficPolicy: policy } = spec;
  if (type === 'ExternalName' && (policy === 'Cluster' || policy === 'Local')) delete spec.internalTrafficPolicy;
}
