// The controllers that keep the cluster itself in order. Two of them need to be told the cluster's authority.
import { policyStatusController } from './admission-policy/policy-status-controller.ts';
import { bootstrapSigner } from './bootstrap/bootstrap-signer.ts';
import { tokenCleaner } from './bootstrap/token-cleaner.ts';
import { certificateControllers } from './certificates/certificate-controllers.ts';
import type { CertificateSigner } from './certificates/requests.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation/cluster-role-aggregation-controller.ts';
import { deviceTaintEvictionController } from './device-taint-eviction/device-taint-eviction-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { staleDisruptionController } from './disruption/stale-disruption-controller.ts';
import { endpointSliceController } from './endpoint-slice/endpoint-slice-controller.ts';
import { endpointSliceMirroringController } from './endpoint-slice-mirroring/endpoint-slice-mirroring-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { garbageCollector } from './garbage-collector/garbage-collector.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { type NodeIpamOptions, nodeIpamController } from './node-ipam/node-ipam-controller.ts';
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle-controller.ts';
import { podGcController } from './pod-gc/pod-gc-controller.ts';
import { podClaimsController } from './resource-claim/pod-claims-controller.ts';
import { resourceClaimController } from './resource-claim/resource-claim-controller.ts';
import { resourceQuotaController } from './resource-quota/resource-quota-controller.ts';
import { rootCaPublisher } from './root-ca/root-ca-publisher.ts';
import type { Controller } from './runtime/controller.ts';
import { legacyTokenCleaner } from './service-account/legacy-token-cleaner.ts';
import { serviceAccountController } from './service-account/service-account-controller.ts';
import { type TokensOptions, tokensController } from './service-account/tokens-controller.ts';
import { serviceCidrsController } from './service-cidrs/service-cidrs-controller.ts';
import { type LoadBalancerProvider, serviceLbController } from './service-lb/service-lb-controller.ts';
import { taintEvictionController } from './taint-eviction/taint-eviction-controller.ts';
import { ttlController } from './ttl/ttl-controller.ts';
import { type VolumeFolders, volumeControllers } from './volumes/index.ts';

export interface SystemControllersOptions extends TokensOptions {
  /** Default: volumes in /var/lib/tiphys/volumes that nobody makes, which suits simulated nodes. */
  volumes?: VolumeFolders;
  /** Signs certificate requests with the cluster's authority. Without it they are neither approved nor signed here. */
  certificateSigner?: CertificateSigner;
  /** Gives nodes their part of the pods' network. Default: nodes bring it themselves. */
  nodeIpam?: NodeIpamOptions;
  /** Makes load balancers for Services. Default: nobody does. */
  loadBalancers?: LoadBalancerProvider;
}

const DEFAULT_FOLDERS: VolumeFolders = { directory: '/var/lib/tiphys/volumes' };

export function systemControllers(options: SystemControllersOptions): Controller[] {
  return [
    serviceAccountController,
    tokensController(options),
    rootCaPublisher(options.rootCertificatePem),
    namespaceController,
    garbageCollector,
    endpointSliceController,
    endpointsController,
    endpointSliceMirroringController,
    clusterRoleAggregationController,
    nodeLifecycleController,
    taintEvictionController,
    podGcController,
    resourceQuotaController,
    disruptionController,
    staleDisruptionController,
    policyStatusController,
    legacyTokenCleaner,
    bootstrapSigner,
    tokenCleaner,
    ttlController,
    serviceCidrsController,
    podClaimsController,
    resourceClaimController,
    deviceTaintEvictionController,
    ...(options.nodeIpam ? [nodeIpamController(options.nodeIpam)] : []),
    ...(options.loadBalancers ? [serviceLbController(options.loadBalancers)] : []),
    ...(options.certificateSigner ? certificateControllers(options.certificateSigner) : []),
    ...volumeControllers(options.volumes ?? DEFAULT_FOLDERS),
  ];
}
