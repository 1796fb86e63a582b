// Upstream's feature gates in v1.36 at their defaults, which are what is followed here: none can be set (pkg/features/kube_features.go of
// kubernetes, apiserver, apiextensions-apiserver and client-go).
export const FEATURES: readonly { stage: string; enabled: boolean; names: string }[] = [
  {
    stage: '',
    enabled: true,
    names:
      'APIServerTracing AllowServiceExternalIPs AnonymousAuthConfigurableEndpoints AnyVolumeDataSource ' +
      'AuthorizeNodeWithSelectors AuthorizeWithSelectors BtreeWatchCache CPUManagerPolicyOptions CSIServiceAccountTokenSecrets ' +
      'ConsistentListFromCache CustomCPUCFSQuotaPeriod DRAAdminAccess DRAPrioritizedList DeclarativeValidation ' +
      'DisableAllocatorDualWrite DynamicResourceAllocation ExecProbeTimeout ExternalServiceAccountTokenSigner ImageMaximumGCAge ' +
      'ImageVolume InOrderInformers InPlacePodVerticalScaling InformerResourceVersion JobBackoffLimitPerIndex JobManagedBy ' +
      'JobPodReplacementPolicy JobSuccessPolicy KubeletCgroupDriverFromCRI KubeletFineGrainedAuthz KubeletPSI ' +
      'KubeletPodResourcesDynamicResources KubeletPodResourcesGet KubeletTracing LogarithmicScaleDown ' +
      'MatchLabelKeysInPodAffinity MultiCIDRServiceAllocator MutableCSINodeAllocatableCount MutatingAdmissionPolicy ' +
      'NFTablesProxyMode NodeInclusionPolicyInPodTopologySpread NodeLogQuery NodeSwap OrderedNamespaceDeletion ' +
      'PodLifecycleSleepAction PodLifecycleSleepActionAllowZero PodObservedGenerationTracking PodSchedulingReadiness ' +
      'PreferSameTrafficDistribution ProcMountType RecoverVolumeExpansionFailure RecursiveReadOnlyMounts ' +
      'RelaxedDNSSearchValidation RelaxedEnvironmentVariableValidation ResilientWatchCacheInitialization SELinuxChangePolicy ' +
      'SELinuxMountReadWriteOncePod SchedulerQueueingHints SeparateTaintEvictionController ServiceAccountTokenJTI ' +
      'ServiceAccountTokenNodeBinding ServiceAccountTokenNodeBindingValidation ServiceAccountTokenPodNodeInfo ' +
      'StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf StructuredAuthenticationConfiguration ' +
      'SupplementalGroupsPolicy SystemdWatchdog TopologyManagerPolicyOptions UserNamespacesSupport VolumeAttributesClass WinDSR ' +
      'WinOverlay',
  },
  {
    stage: 'ALPHA',
    enabled: false,
    names:
      'APIServingWithRoutine AllowUnsafeMalformedObjectDeletion CBORServingAndStorage CPUManagerPolicyAlphaOptions ' +
      'CRIListStreaming CSIVolumeHealth ClientsAllowCBOR ClientsPreferCBOR CloudControllerManagerWatchBasedRoutesReconciliation ' +
      'CloudControllerManagerWebhook ContainerStopSignals CrossNamespaceVolumeDataSource DRAListTypeAttributes ' +
      'DRANodeAllocatableResources DRAResourcePoolStatus DRAWorkloadResourceClaims EventedPLEG GangScheduling GenericWorkload ' +
      'HPAScaleToZero ImageVolumeWithDigest InPlacePodVerticalScalingExclusiveCPUs InPlacePodVerticalScalingExclusiveMemory ' +
      'KubeletInUserNamespace LoggingAlphaOptions ManifestBasedAdmissionControlConfig MemoryQoS MutablePVNodeAffinity ' +
      'NativeHistograms PersistentVolumeClaimUnusedSinceTime PodAndContainerStatsFromCRI PodLevelResourceManagers ' +
      'PodLogsQuerySplitStreams PodsAPI QOSReserved ReduceDefaultCrashLoopBackOffDecay RuntimeClassInImageCriApi ' +
      'ShardedListAndWatch StorageCapacityScoring StorageVersionAPI TaintTolerationComparisonOperators ' +
      'TopologyAwareWorkloadScheduling TopologyManagerPolicyAlphaOptions UserNamespacesHostNetworkSupport VolumeLimitScaling ' +
      'WindowsCPUAndMemoryAffinity WorkloadAwarePreemption WorkloadWithJob',
  },
  {
    stage: 'BETA',
    enabled: false,
    names:
      'ClusterTrustBundle ClusterTrustBundleProjection ConcurrentWatchObjectDecode CoordinatedLeaderElection ' +
      'DRADeviceTaintRules LocalStorageCapacityIsolationFSQuotaMonitoring MaxUnavailableStatefulSet PodCertificateRequest ' +
      'SELinuxMount SchedulerAsyncAPICalls StorageVersionMigrator',
  },
  {
    stage: 'BETA',
    enabled: true,
    names:
      'APIResponseCompression APIServerIdentity AllowParsingUserUIDFromCertAuth AtomicFIFO ' +
      'AuthorizePodWebsocketUpgradeCreatePermission CPUManagerPolicyBetaOptions CRDObservedGenerationTracking ' +
      'CRDValidationRatcheting ClearingNominatedNodeNameAfterBinding ClientsAllowCARotation ClientsAllowTLSCacheGC ' +
      'ComponentFlagz ComponentStatusz ConstrainedImpersonation ContainerCheckpoint ContainerRestartRules ContextualLogging ' +
      'CustomResourceFieldSelectors DRAConsumableCapacity DRADeviceBindingConditions DRADeviceTaints DRAExtendedResource ' +
      'DRAPartitionableDevices DRAResourceClaimDeviceStatus DRAResourceClaimGranularStatusAuthorization ' +
      'DRASchedulerFilterTimeout DeclarativeValidationBeta DeploymentReplicaSetTerminatingReplicas DetectCacheInconsistency ' +
      'EnvFiles ExtendWebSocketsToKubelet GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority HPAConfigurableTolerance ' +
      'HostnameOverride InOrderInformersBatchProcess InPlacePodLevelResourcesVerticalScaling ' +
      'InPlacePodVerticalScalingInitContainers KubeletCrashLoopBackOffMax KubeletEnsureSecretPulledImages KubeletSeparateDiskGC ' +
      'KubeletServiceAccountTokenForCredentialProviders ListFromCacheSnapshot LoggingBetaOptions ' +
      'MatchLabelKeysInPodTopologySpread MatchLabelKeysInPodTopologySpreadSelectorMerge MutablePodResourcesForSuspendedJobs ' +
      'MutableSchedulingDirectivesForSuspendedJobs NodeDeclaredFeatures NominatedNodeNameForExpectation OpenAPIEnums ' +
      'OpportunisticBatching PLEGOnDemandRelist PodDeletionCost PodLevelResources PodReadyToStartContainersCondition ' +
      'PodTopologyLabelsAdmission PortForwardWebsockets PreventStaticPodAPIReferences RelaxedServiceNameValidation ' +
      'ReloadKubeletClientCAFile ReloadKubeletServerCertificateFile RemoteRequestHeaderUID ResourceHealthStatus ' +
      'ResourceHealthStatusMessage RestartAllContainersOnContainerExits RetryGenerateName RotateKubeletServerCertificate ' +
      'SchedulerAsyncPreemption SchedulerPopFromBackoffQ ServiceAccountNodeAudienceRestriction SidecarContainers ' +
      'SizeBasedListCostEstimate StaleControllerConsistencyDaemonSet StaleControllerConsistencyJob ' +
      'StaleControllerConsistencyReplicaSet StaleControllerConsistencyStatefulSet StatefulSetSemanticRevisionComparison ' +
      'StorageVersionHash StrictIPCIDRValidation StructuredAuthenticationConfigurationEgressSelector ' +
      'StructuredAuthenticationConfigurationJWKSMetrics TokenRequestServiceAccountUIDValidation ' +
      'TopologyManagerPolicyBetaOptions TranslateStreamCloseWebsocketRequests UnauthenticatedHTTP2DOSMitigation ' +
      'UnknownVersionInteroperabilityProxy UnlockWhileProcessingFIFO WatchCacheInitializationPostStartHook WatchList ' +
      'WatchListClient WindowsGracefulNodeShutdown',
  },
  {
    stage: 'DEPRECATED',
    enabled: false,
    names:
      'AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests AllowOverwriteTerminationGracePeriodSeconds ' +
      'ChangeContainerStatusOnKubeletRestart DeclarativeValidationTakeover GitRepoVolumeDriver KMSv1 ' +
      'KubeletRegistrationGetOnExistsOnly SeparateCacheWatchRPC WindowsHostNetwork',
  },
  {
    stage: 'DEPRECATED',
    enabled: true,
    names:
      'AggregatedDiscoveryRemoveBetaType DisableCPUQuotaWithExclusiveCPUs DisableNodeKubeProxyVersion ' +
      'KubeletPodResourcesListUseActivePods ServiceCIDRStatusFieldWiping StorageNamespaceIndex',
  },
];
