// Rules of Services (apis/core/validation validateService, ValidateServiceUpdate).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { checkAddress, checkBlock, parseAddress } from '../../rules/addresses.ts';
import { complain, type Errors, IMMUTABLE, maybeOneOf, oneOf } from '../../rules/errors.ts';
import { isDns1123Label, isDns1123Subdomain, isPort, isQualifiedName } from '../../rules/formats.ts';
import { checkLabels } from '../../rules/labels.ts';
import { checkPortReference } from '../../rules/pod/probes.ts';
import { checkAddressUse } from './address-use.ts';
import { checkFamilies, checkFamilyChanges } from './family-rules.ts';
import { isExternal, isHeadless, needsHealthCheckPort, specOf } from './kinds.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITY_SECONDS_MAX = 86400;
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';

export function checkService(errors: Errors, service: corev1.Service, old?: corev1.Service): void {
  const spec = specOf(service);
  const annotations = service.metadata?.annotations ?? {};
  const [mode, hints] = [annotations[TOPOLOGY_MODE], annotations[TOPOLOGY_HINTS]];
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    const why = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
    errors.push(fieldError.invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, why));
  }
  if (!spec.ports?.length && !isHeadless(spec) && spec.type !== 'ExternalName') errors.push(fieldError.required('spec.ports'));
  checkType(errors, spec);
  checkPorts(errors, spec);
  if (spec.selector) checkLabels(errors, 'spec.selector', spec.selector);
  checkAffinity(errors, spec);
  checkFamilies(errors, spec, old && specOf(old));
  spec.externalIPs?.forEach((ip, i) => {
    const before = errors.length;
    checkAddress(errors, `spec.externalIPs[${i}]`, ip, specOf(old).externalIPs);
    if (errors.length === before) checkAddressUse(errors, `spec.externalIPs[${i}]`, ip);
  });
  oneOf(errors, 'spec.type', spec.type, TYPES);
  checkNodePorts(errors, spec);
  checkSourceRanges(errors, spec, annotations, old);
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    errors.push(fieldError.forbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
  }
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === undefined) {
    errors.push(fieldError.required('allocateLoadBalancerNodePorts'));
  }
  checkClass(errors, spec);
  checkTraffic(errors, spec);
}

function checkType(errors: Errors, spec: corev1.ServiceSpec): void {
  if (needsAddress(spec.type) && isHeadless(spec)) {
    errors.push(fieldError.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== 'ExternalName') return;
  const why = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) errors.push(fieldError.forbidden('spec.clusterIPs', why));
  if (spec.ipFamilies?.length) errors.push(fieldError.forbidden('spec.ipFamilies', why));
  if (spec.ipFamilyPolicy !== undefined) errors.push(fieldError.forbidden('spec.ipFamilyPolicy', why));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name) complain(errors, 'spec.externalName', name, isDns1123Subdomain(name));
  else errors.push(fieldError.required('spec.externalName'));
}

const needsAddress = (type: string | undefined) => type === 'LoadBalancer' || type === 'NodePort';

function checkPorts(errors: Errors, spec: corev1.ServiceSpec): void {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`;
    const { name } = port;
    if (!name) {
      if (ports.length > 1) errors.push(fieldError.required(`${at}.name`));
    } else {
      complain(errors, `${at}.name`, name, isDns1123Label(name));
      if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
      else names.add(name);
    }
    complain(errors, `${at}.port`, port.port ?? 0, isPort(port.port ?? 0));
    oneOf(errors, `${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    checkPortReference(errors, `${at}.targetPort`, port.targetPort);
    if (port.appProtocol !== undefined) complain(errors, `${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
  });
}

function checkNodePorts(errors: Errors, spec: corev1.ServiceSpec): void {
  const [nodePorts, ports] = [new Set<string>(), new Set<string>()];
  spec.ports?.forEach(({ nodePort }, i) => {
    if (spec.type === 'ClusterIP' && nodePort) {
      errors.push(fieldError.forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
  });
  spec.ports?.forEach(({ nodePort, protocol }, i) => {
    if (!nodePort) return;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(fieldError.duplicate(`spec.ports[${i}].nodePort`, nodePort));
    nodePorts.add(key);
  });
  spec.ports?.forEach(({ port, protocol }, i) => {
    const key = `${protocol}/${port}`;
    if (ports.has(key)) {
      const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
      errors.push(fieldError.duplicate(`spec.ports[${i}]`, shown));
    }
    ports.add(key);
  });
}

function checkAffinity(errors: Errors, spec: corev1.ServiceSpec): void {
  oneOf(errors, 'spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  const path = 'spec.sessionAffinityConfig';
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None' && config) {
    errors.push(fieldError.forbidden(path, 'must not be set when session affinity is None'));
  }
  if (spec.sessionAffinity !== 'ClientIP') return;
  const why = 'when session affinity type is ClientIP';
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) errors.push(fieldError.required(path, why));
  else if (!config.clientIP) errors.push(fieldError.required(`${path}.clientIP`, why));
  else if (seconds === undefined) errors.push(fieldError.required(`${path}.clientIP.timeoutSeconds`, why));
  else if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX) {
    const range = `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`;
    errors.push(fieldError.invalid(`${path}.clientIP.timeoutSeconds`, seconds, range));
  }
}

function checkSourceRanges(
  errors: Errors,
  spec: corev1.ServiceSpec,
  annotations: Record<string, string>,
  old: corev1.Service | undefined,
): void {
  const why = "may only be used when `type` is 'LoadBalancer'";
  const annotation = annotations[SOURCE_RANGES];
  if (spec.loadBalancerSourceRanges?.length) {
    const path = 'spec.LoadBalancerSourceRanges';
    if (spec.type !== 'LoadBalancer') errors.push(fieldError.forbidden(path, why));
    const before = specOf(old).loadBalancerSourceRanges?.map((range) => range.trim());
    spec.loadBalancerSourceRanges.forEach((range, i) => {
      checkBlock(errors, `${path}[${i}]`, range.trim(), before);
    });
  } else if (annotation !== undefined) {
    const path = `metadata.annotations[${SOURCE_RANGES}]`;
    if (spec.type !== 'LoadBalancer') errors.push(fieldError.forbidden(path, why));
    if (old?.metadata?.annotations?.[SOURCE_RANGES] === annotation || annotation.trim() === '') return;
    for (const range of annotation.split(',')) checkBlock(errors, path, range.trim());
  }
}

function checkClass(errors: Errors, spec: corev1.ServiceSpec): void {
  const path = 'spec.loadBalancerClass';
  if (spec.loadBalancerClass === undefined) return;
  if (spec.type === 'LoadBalancer') complain(errors, path, spec.loadBalancerClass, isQualifiedName(spec.loadBalancerClass));
  else errors.push(fieldError.forbidden(path, "may only be used when `type` is 'LoadBalancer'"));
}

function checkTraffic(errors: Errors, spec: corev1.ServiceSpec): void {
  const external = spec.externalTrafficPolicy ?? '';
  if (isExternal(spec)) oneOf(errors, 'spec.externalTrafficPolicy', external, ['Cluster', 'Local']);
  else if (external) {
    errors.push(fieldError.invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  }
  const port = spec.healthCheckNodePort ?? 0;
  if (needsHealthCheckPort(spec)) {
    if (!port) errors.push(fieldError.required('spec.healthCheckNodePort'));
    else complain(errors, 'spec.healthCheckNodePort', port, isPort(port));
  } else if (port) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(fieldError.invalid('spec.healthCheckNodePort', port, why));
  }
  if (spec.internalTrafficPolicy === undefined) {
    if (spec.type && spec.type !== 'ExternalName' && TYPES.includes(spec.type)) {
      errors.push(fieldError.required('spec.internalTrafficPolicy'));
    }
  } else maybeOneOf(errors, 'spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']);
  maybeOneOf(errors, 'spec.trafficDistribution', spec.trafficDistribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode']);
}

export function validateServiceUpdate(service: corev1.Service, old: corev1.Service): Errors {
  const errors: Errors = [];
  const [spec, before] = [specOf(service), specOf(old)];
  checkFamilyChanges(errors, spec, before);
  if (spec.type === 'LoadBalancer' && before.type === 'LoadBalancer' && spec.loadBalancerClass !== before.loadBalancerClass) {
    errors.push(fieldError.invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
  }
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before) && spec.healthCheckNodePort !== before.healthCheckNodePort) {
    errors.push(fieldError.forbidden('spec.healthCheckNodePort', IMMUTABLE));
  }
  checkService(errors, service, old);
  return errors;
}

export function validateServiceStatus(service: corev1.Service, old: corev1.Service): Errors {
  const errors: Errors = [];
  checkLoadBalancerStatus(errors, service.status?.loadBalancer, old.status?.loadBalancer, specOf(service).type);
  return errors;
}

function checkLoadBalancerStatus(
  errors: Errors,
  status: corev1.LoadBalancerStatus | undefined,
  before: corev1.LoadBalancerStatus | undefined,
  type: string | undefined,
): void {
  const path = 'status.loadBalancer.ingress';
  if (status?.ingress?.length && type !== 'LoadBalancer') {
    errors.push(fieldError.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'"));
    return;
  }
  const known = before?.ingress?.flatMap(({ ip }) => (ip ? [ip] : []));
  status?.ingress?.forEach(({ ip, ipMode, hostname }, i) => {
    const at = `${path}[${i}]`;
    if (ip) checkAddress(errors, `${at}.ip`, ip, known);
    if (ipMode === undefined) {
      if (ip) errors.push(fieldError.required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    } else if (!ip) errors.push(fieldError.forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    else maybeOneOf(errors, `${at}.ipMode`, ipMode, ['Proxy', 'VIP']);
    if (!hostname) return;
    complain(errors, `${at}.hostname`, hostname, isDns1123Subdomain(hostname));
    if (parseAddress(hostname)) errors.push(fieldError.invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
  });
}
