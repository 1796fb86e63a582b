// Every definition with rules or columns of its own, group by group.
import { admissionPolicies } from '../admissionregistration/policies.ts';
import { mutatingWebhooks, validatingWebhooks } from '../admissionregistration/webhooks.ts';
import { apiServices } from '../apiregistration/api-services.ts';
import { appsDefinitions } from '../apps/index.ts';
import { autoscalersV1, autoscalersV2 } from '../autoscaling/horizontal-pod-autoscalers.ts';
import { batchDefinitions } from '../batch/index.ts';
import { certificateSigningRequests } from '../certificates/certificate-signing-requests.ts';
import { leases } from '../coordination/leases.ts';
import { coreDefinitions } from '../core/index.ts';
import type { ResourceDefinition } from '../define-resource.ts';
import { endpointSlices } from '../discovery/endpoint-slices.ts';
import { events } from '../events/events.ts';
import { flowSchemas, priorityLevels } from '../flowcontrol/flow-control.ts';
import { ipAddresses, serviceCidrs } from '../networking/addresses.ts';
import { ingressClasses } from '../networking/ingress-classes.ts';
import { ingresses } from '../networking/ingresses.ts';
import { networkPolicies } from '../networking/network-policies.ts';
import { runtimeClasses } from '../node/runtime-classes.ts';
import { podDisruptionBudgets } from '../policy/pod-disruption-budgets.ts';
import { clusterRoleBindings, roleBindings } from '../rbac/role-bindings.ts';
import { clusterRoles, roles } from '../rbac/roles.ts';
import { resourceTables } from '../resource/tables.ts';
import { priorityClasses } from '../scheduling/priority-classes.ts';
import { storageClasses, volumeAttributesClasses } from '../storage/classes.ts';
import { csiDrivers, csiNodes, csiStorageCapacities, volumeAttachments } from '../storage/csi.ts';
import type { BuiltInOptions } from './options.ts';

export function ownDefinitions(options: BuiltInOptions): ResourceDefinition<any>[] {
  return [
    ...coreDefinitions(options),
    ...appsDefinitions,
    ...batchDefinitions,
    ...admissionPolicies,
    mutatingWebhooks,
    validatingWebhooks,
    apiServices,
    autoscalersV1,
    autoscalersV2,
    certificateSigningRequests,
    leases,
    endpointSlices,
    events,
    flowSchemas,
    priorityLevels,
    ipAddresses,
    serviceCidrs,
    ingressClasses,
    ingresses,
    networkPolicies,
    runtimeClasses,
    podDisruptionBudgets,
    clusterRoleBindings,
    roleBindings,
    clusterRoles,
    roles,
    ...resourceTables,
    priorityClasses,
    storageClasses,
    volumeAttributesClasses,
    csiDrivers,
    csiNodes,
    csiStorageCapacities,
    volumeAttachments,
  ];
}
