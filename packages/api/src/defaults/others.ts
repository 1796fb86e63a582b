// Defaults of the smaller groups: networking, rbac, storage, discovery, scheduling, autoscaling, flow control, devices,
// tokens, custom resource definitions, API services (pkg/apis/<group>/<version>/defaults.go).
import type { CustomResourceDefinition } from '../generated/apiextensions-v1.types.ts';
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../generated/autoscaling-v2.types.ts';
import type { EndpointPort } from '../generated/discovery-v1.types.ts';
import type { FlowSchemaSpec, LimitedPriorityLevelConfiguration, QueuingConfiguration } from '../generated/flowcontrol-v1.types.ts';
import type { IngressClass, NetworkPolicy, NetworkPolicyPort } from '../generated/networking-v1.types.ts';
import type { RoleBinding, Subject } from '../generated/rbac-v1.types.ts';
import type { Device, ExactDeviceRequest } from '../generated/resource-v1.types.ts';
import type { CSIDriver, StorageClass } from '../generated/storage-v1.types.ts';
import { defaultServicePort } from './admission.ts';
import type { DefaultFunction } from './types.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const CPU_PERCENT = 80;
const TOKEN_SECONDS = 3600;
const MATCHING_PRECEDENCE = 1000;
const CONCURRENCY_SHARES = 30;
const QUEUES = 64;
const HAND_SIZE = 8;
const QUEUE_LENGTH = 50;

function defaultRoleRef(binding: RoleBinding): void {
  binding.roleRef.apiGroup ||= RBAC_GROUP;
}

function defaultNetworkPolicy(policy: NetworkPolicy): void {
  const spec = policy.spec!;
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
}

function defaultScalingRules(rules: HPAScalingRules | undefined, up: boolean): HPAScalingRules {
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 };
  return {
    ...(up ? { stabilizationWindowSeconds: 0 } : {}),
    selectPolicy: 'Max',
    policies: up ? [{ type: 'Pods', value: 4, periodSeconds: 15 }, percent] : [percent],
    ...rules,
  };
}

function defaultAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  const spec = autoscaler.spec!;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) {
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_PERCENT } } }];
  }
  if (!spec.behavior) return;
  spec.behavior.scaleUp = defaultScalingRules(spec.behavior.scaleUp, true);
  spec.behavior.scaleDown = defaultScalingRules(spec.behavior.scaleDown, false);
}

function defaultCsiDriver(driver: CSIDriver): void {
  const spec = driver.spec;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

function defaultDefinition(definition: CustomResourceDefinition): void {
  const { names, versions } = definition.spec;
  if (names.kind) {
    names.singular ||= names.kind.toLowerCase();
    names.listKind ||= `${names.kind}List`;
  }
  definition.spec.conversion ??= { strategy: 'None' };
  definition.status ??= {};
  const stored = versions?.find((version) => version.storage);
  if (!definition.status.storedVersions?.length && stored) definition.status.storedVersions = [stored.name];
}

const defaultDeviceRequest: DefaultFunction = (request: ExactDeviceRequest) => {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
};

const defaultDevice: DefaultFunction = (device: Device) => {
  for (const mapping of Object.values(device.nodeAllocatableResourceMappings ?? {})) mapping.allocationMultiplier ??= '1';
};

function defaultLimited(level: LimitedPriorityLevelConfiguration): void {
  level.nominalConcurrencyShares ??= CONCURRENCY_SHARES;
  level.lendablePercent ??= 0;
}

function defaultQueuing(queuing: QueuingConfiguration): void {
  queuing.handSize ||= HAND_SIZE;
  queuing.queues ||= QUEUES;
  queuing.queueLengthLimit ||= QUEUE_LENGTH;
}

const API = 'io.k8s.api.';

export const otherDefaults: Record<string, DefaultFunction> = {
  [`${API}rbac.v1.RoleBinding`]: defaultRoleRef,
  [`${API}rbac.v1.ClusterRoleBinding`]: defaultRoleRef,
  [`${API}rbac.v1.Subject`]: (subject: Subject) => {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP;
  },
  [`${API}networking.v1.NetworkPolicy`]: defaultNetworkPolicy,
  [`${API}networking.v1.NetworkPolicyPort`]: (port: NetworkPolicyPort) => {
    port.protocol ??= 'TCP';
  },
  [`${API}networking.v1.IngressClass`]: (ingressClass: IngressClass) => {
    if (ingressClass.spec?.parameters) ingressClass.spec.parameters.scope ??= 'Cluster';
  },
  [`${API}autoscaling.v2.HorizontalPodAutoscaler`]: defaultAutoscaler,
  [`${API}autoscaling.v1.HorizontalPodAutoscaler`]: (autoscaler: { spec: { minReplicas?: number } }) => {
    autoscaler.spec.minReplicas ??= 1;
  },
  [`${API}storage.v1.StorageClass`]: (storageClass: StorageClass) => {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  [`${API}storage.v1.CSIDriver`]: defaultCsiDriver,
  [`${API}discovery.v1.EndpointPort`]: (port: EndpointPort) => {
    port.name ??= '';
    port.protocol ??= 'TCP';
  },
  [`${API}scheduling.v1.PriorityClass`]: (priorityClass: { preemptionPolicy?: string }) => {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  [`${API}authentication.v1.TokenRequestSpec`]: (spec: { expirationSeconds?: number }) => {
    spec.expirationSeconds ??= TOKEN_SECONDS;
  },
  [`${API}flowcontrol.v1.FlowSchemaSpec`]: (spec: FlowSchemaSpec) => {
    spec.matchingPrecedence ||= MATCHING_PRECEDENCE;
  },
  [`${API}flowcontrol.v1.LimitedPriorityLevelConfiguration`]: defaultLimited,
  [`${API}flowcontrol.v1.ExemptPriorityLevelConfiguration`]: (level: LimitedPriorityLevelConfiguration) => {
    level.nominalConcurrencyShares ??= 0;
    level.lendablePercent ??= 0;
  },
  [`${API}flowcontrol.v1.QueuingConfiguration`]: defaultQueuing,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition': defaultDefinition,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference': defaultServicePort,
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference': defaultServicePort,
};

for (const version of ['v1', 'v1beta1', 'v1beta2']) {
  otherDefaults[`${API}resource.${version}.DeviceSubRequest`] = defaultDeviceRequest;
  otherDefaults[`${API}resource.${version}.Device`] = defaultDevice;
}
otherDefaults[`${API}resource.v1.ExactDeviceRequest`] = defaultDeviceRequest;
otherDefaults[`${API}resource.v1beta2.ExactDeviceRequest`] = defaultDeviceRequest;
otherDefaults[`${API}resource.v1beta1.DeviceRequest`] = (request: {
  deviceClassName?: string;
  allocationMode?: string;
  count?: number;
}) => {
  if (request.deviceClassName) defaultDeviceRequest(request);
};
