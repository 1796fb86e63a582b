// Plugins in upstream's default order (pkg/kubeapiserver/options/plugins.go, v1.36).
import type { Clock, Random } from '@tiphys/runtime';
import type { Loopback } from '../bootstrap/loopback.ts';
import type { AdmissionPlugin, Authorizer } from '../interfaces.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import type { AdmissionConfiguration } from './configuration.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { defaultTolerationSeconds, podTopologyLabels, priority, taintNodesByCondition } from './pod-defaults.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { mutatingPolicies } from './policy/mutating.ts';
import { validatingPolicies } from './policy/validating.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { defaultIngressClass, defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { type WebhookCaller, webhookCaller } from './webhook/call.ts';
import { mutatingWebhooks } from './webhook/mutating.ts';
import { validatingWebhooks } from './webhook/validating.ts';

export { type AdmissionConfiguration, parseAdmissionConfiguration } from './configuration.ts';

export interface AdmissionOptions {
  clock: Clock;
  random: Random;
  authorizer: Authorizer;
  /** For the plugins that write: quotas their usage. */
  client(): Loopback;
  /** From the administrator's file. */
  configuration?: AdmissionConfiguration;
  /** Calls webhooks. Default: over HTTPS. */
  caller?: WebhookCaller;
}

export function defaultAdmission(options: AdmissionOptions): AdmissionPlugin[] {
  const { authorizer, clock, random } = options;
  const own = [
    namespaceLifecycle(),
    limitRanger(),
    serviceAccount(options),
    nodeRestriction(authorizer),
    taintNodesByCondition(),
    podSecurity(options.configuration?.podSecurity),
    priority(),
    defaultTolerationSeconds(),
    defaultStorageClass(),
    storageObjectInUseProtection(),
    persistentVolumeClaimResize(),
    runtimeClass(),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction(),
    defaultIngressClass(),
    podTopologyLabels(),
    mutatingPolicies(authorizer),
  ];
  const webhooks = { caller: options.caller ?? webhookCaller({ clock, random }), random, authorizer };
  return [
    ...own,
    mutatingWebhooks(webhooks, own),

    validatingPolicies(authorizer),
    validatingWebhooks(webhooks),
    resourceQuota(options),
  ];
}
