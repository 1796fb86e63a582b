// Audit as a whole: a policy and where its events go (kube-apiserver's --audit-* flags).
import type { Runtime } from '@tiphys/runtime';
import { callerBehind } from '../authentication/impersonation/impersonation.ts';
import { readKubeconfig } from '../remote/kubeconfig.ts';
import { Auditor } from './auditor.ts';
import { type LogBackendOptions, logBackend } from './log-backend.ts';
import { auditPolicy } from './policy.ts';
import { webhookBackend } from './webhook-backend.ts';

export type { Auditor } from './auditor.ts';
export type { AuditEvent } from './event.ts';

export interface AuditOptions {
  runtime: Runtime;
  /** Text of a Policy of audit.k8s.io/v1. */
  policy: string;
  log?: Omit<LogBackendOptions, 'runtime'>;
  /** A kubeconfig that names the webhook which is sent the events. */
  webhookConfigFile?: string;
}

/** Throws Error when the policy is wrong or a backend can't be opened. */
export function createAuditor({ runtime, policy, log, webhookConfigFile }: AuditOptions): Auditor {
  const rules = auditPolicy(policy);
  return new Auditor({
    runtime,
    policy: rules,
    callerBehind,
    backends: [
      ...(log ? [logBackend({ runtime, ...log })] : []),
      ...(webhookConfigFile ? [webhookBackend({ runtime, target: readKubeconfig(webhookConfigFile) })] : []),
    ],
  });
}
