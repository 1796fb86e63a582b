// What is written down of a request at one stage (k8s.io/apiserver pkg/apis/audit/v1 Event).
import type { AuditLevel, AuditStage } from './policy.ts';

export interface AuditUser {
  username?: string;
  uid?: string;
  groups?: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export interface AuditEvent {
  kind: 'Event';
  apiVersion: 'audit.k8s.io/v1';
  level: AuditLevel;
  auditID: string;
  stage: AuditStage;
  requestURI: string;
  verb: string;
  user: AuditUser;
  impersonatedUser?: AuditUser;
  authenticationMetadata?: { impersonationConstraint: string };
  sourceIPs?: readonly string[];
  userAgent?: string;
  objectRef?: {
    resource?: string;
    namespace?: string;
    name?: string;
    uid?: string;
    apiGroup?: string;
    apiVersion?: string;
    resourceVersion?: string;
    subresource?: string;
  };
  responseStatus?: { metadata: object; status?: string; message?: string; reason?: string; details?: object; code?: number };
  requestObject?: unknown;
  responseObject?: unknown;
  requestReceivedTimestamp: string;
  stageTimestamp: string;
  annotations?: Readonly<Record<string, string>>;
}

/** Takes events to where they are kept. */
export interface AuditBackend {
  /** Events may not be changed. */
  write(event: AuditEvent): void;
  /** Resolves when what was written has arrived, or never will. */
  close(): Promise<void>;
}

/** Milliseconds as metav1.MicroTime. */
export const microTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000Z`;
