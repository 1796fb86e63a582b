// What the stages and verbs of one request share.

import type { ApiRequest, UserInfo } from '@tiphys/machinery';
import type { ObjectOperations, ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import type { Store } from '@tiphys/storage';
import type { Audited } from '../audit/auditor.ts';
import type { Rounds } from '../cache/rounds.ts';
import type { AdmissionPlugin, AuthorizationAttributes, Decision, RequestInfo } from '../interfaces.ts';
import type { Metrics } from '../metrics.ts';
import type { Resources } from '../resources.ts';

/** The parts of the server that verbs use. */
export interface Core {
  runtime: Runtime;
  store: Store;
  resources: Resources;
  /** The plugins of each step, in their order. */
  admission: Readonly<Record<'admit' | 'validate', readonly AdmissionPlugin[]>>;
  reader: ResourceReader;
  /** Writes that rules make besides the object at hand. */
  operations: ObjectOperations;
  metrics: Metrics;
  /** When watches are given their bookmarks. */
  rounds: Rounds;
  /** Whether what is stored would be stored differently today: then even an update that changes nothing is written. */
  isStale?(storeKey: string): Promise<boolean>;
}

export interface RequestContext {
  core: Core;
  request: ApiRequest;
  info: RequestInfo;
  user: UserInfo;
  /** Texts of the answer's Warning headers. */
  warnings: string[];
  /** Where what the audit log shall know is told; absent when it wants nothing of this request. */
  audit: Audited | undefined;
  /** Calls when the request is carried out or refused. */
  whenDone(act: () => void): void;
  /** Asks whether the caller may do something else to the same object. Throws Forbidden. */
  authorize(verb: string): Promise<void>;
  /** What the authorizers say of the caller's request if it were another in these. */
  decide(other: Partial<Pick<RequestInfo, 'verb' | 'subresource' | 'namespace' | 'name'>>): Promise<Decided>;
}

/** What was asked of the authorizers, and their answer. */
export interface Decided {
  attributes: AuthorizationAttributes;
  decision: Decision;
}
