// A resource is one definition: identity, defaults, rules, subresources, columns. The server's verbs are generic over it.
import type { corev1, KubeObject, ResourceType } from '@tiphys/api';
import type { FieldError, FieldTree, Status, StatusError, UserInfo } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';

/** The server's own caches, read without waiting. Objects are shared: do not change them. */
export interface ResourceReader {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): T | undefined;
  list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[];
  /** Changes with every create, update and delete of an object of the type, and never otherwise; for those who keep indexes. */
  revisionOf(type: ResourceType): number;
}

/** What a rule may look at besides the objects. */
export interface RuleContext {
  runtime: Runtime;
  reader: ResourceReader;
  user: UserInfo;
  namespace?: string;
  dryRun: boolean;
  /** Set for writes to a subresource, such as `status` or `scale`. */
  subresource?: string;
  /** One for each of the rules' permissions that the caller doesn't have; the rule returns them among its own. */
  refused?: readonly FieldError[];
  /** Headers' worth of advice for the caller; each becomes a Warning header. */
  warn(text: string): void;
}

/** Writes that a rule makes besides its own object, such as the addresses a Service claims. They pass no rules and no admission. */
export interface ObjectOperations {
  /** The newest stored object. Throws NotFound. */
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): Promise<T>;
  /** Throws AlreadyExists when the name is taken: the atomic claim that allocation builds on. */
  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** Reads the newest, writes what change() returns, and starts again when someone else was faster. undefined leaves it as it is. */
  update<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    namespace: string | undefined,
    change: (current: T) => T | undefined,
  ): Promise<T>;
  /**
   * Changes the record of what is allocated of a range, which all servers on a store share; starts again when another was faster.
   * undefined leaves it as it is. What change() throws ends it.
   */
  updateRange(name: string, change: (current: corev1.RangeAllocation | undefined) => corev1.RangeAllocation | undefined): Promise<void>;
  /** As a DELETE request with these options would, grace and finalizers included. */
  delete(type: ResourceType, name: string, namespace?: string, options?: DeleteOptions): Promise<KubeObject | Status>;
}

/** metav1.DeleteOptions. */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Orphan' | 'Foreground';
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

/** Something claimed before a write. Exactly one of the two is called when the write is done or has failed. */
export interface Claim {
  commit?(): void | Promise<void>;
  revert?(): void | Promise<void>;
}

/** Something that a write of some fields needs besides the right to the request: the same verb for a made-up subresource. */
export interface Permission {
  field: string;
  /** The fields as the refusal names them. */
  about: string;
  subresource: string;
  /** '' for the whole cluster. */
  namespace: string;
  name: string;
  /**
   * There are two verbs, `associated-node:` for service accounts of pods on this node and `arbitrary-node:` for everybody. '' is no node;
   * absent, the verb is the request's own.
   */
  node?: string;
}

/** The rules of an update: of the object, of its status, or of another view on it. */
export interface UpdateRules<T> {
  /** Takes over from the old object what this write may not touch. */
  prepareForUpdate?(object: T, old: T, context: RuleContext): void;
  /** Asked for after the preparation; validateUpdate finds what was refused in its context. */
  permissions?(object: T, old: T): readonly Permission[];
  validateUpdate?(object: T, old: T, context: RuleContext): FieldError[];
}

/** A column of the Table form, with upstream's name, type, format and priority (pkg/printers/internalversion). */
export interface Column<T> {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: '' | 'name' | 'date-time';
  description?: string;
  /** 0 is always shown, 1 only with -o wide. */
  priority?: number;
  cell(object: T, nowMs: number): string | number | boolean | null;
}

export interface ScalePaths {
  /** Such as `spec.replicas`. */
  specReplicas: string;
  statusReplicas: string;
  /** Path of the label selector in status or spec, rendered as a selector string. */
  selector?: string;
  /** Why an object whose fields may hold anything is none that can be scaled. */
  fault?(object: object): string | undefined;
  /** There is nothing to scale where the number isn't there; otherwise it is none. */
  mustExist?: boolean;
}

/** Everything optional has the behaviour most resources share. Functions that are called prepare* and default* change their first argument. */
/**
 * Values that an object may have: lists, maps and what they hold. Rules take a few microseconds for each. The largest object that programs
 * write has 19,000, an EndpointSlice of 1,000 endpoints with hints.
 */
export const VALUES_MAX = 20_000;

export interface ResourceDefinition<T extends KubeObject = KubeObject> {
  type: ResourceType<T>;
  singularName: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
  /** Upstream's verbs for the resource, such as `['create', 'delete', …]`. */
  verbs: readonly string[];
  /** Discovery and OpenAPI don't tell of it. */
  untold?: boolean;
  /** Why its objects can't be had: the internal error that answers every request for them. */
  fault?: string;
  /** Said with every answer about it, such as that the version is deprecated. */
  warning?: string;
  /** Full name of the object's type in the schema table. */
  schema: string;
  /** Key space of upstream: `/registry/<storagePrefix>/…`. Defaults to the resource's name; for custom kinds `group/resource`. */
  storagePrefix?: string;
  /** Defaults that depend on other fields; the table's own defaults are applied before. */
  setDefaults?(object: T): void;
  /** Takes out fields of features that are off, unless the old object has them; before the two below. */
  dropDisabled?(object: T, old?: T): void;
  /** Before a create is validated: clear status, allocate, set generation … */
  prepareForCreate?(object: T, context: RuleContext): void;
  prepareForUpdate?(object: T, old: T, context: RuleContext): void;
  /** Rules of the kind. Those that hold for every kind's metadata are validateMetadata(), which the server calls itself. */
  validateCreate?(object: T, context: RuleContext): FieldError[];
  /** Called instead of validateCreate for updates; includes upstream's immutability rules. */
  validateUpdate?(object: T, old: T, context: RuleContext): FieldError[];
  /** After validation and admission, right before the write (not in a dry run's case of `commit`): claims what the object needs. May change the object. */
  beginCreate?(object: T, context: RuleContext, operations: ObjectOperations): Promise<Claim>;
  beginUpdate?(object: T, old: T, context: RuleContext, operations: ObjectOperations): Promise<Claim>;
  /** After the object is gone from the store: gives back what it held. */
  afterDelete?(object: T, context: RuleContext, operations: ObjectOperations): void | Promise<void>;
  /** The stored form, when it is another version or group than the served one (autoscaling/v1, events.k8s.io). Default: this version itself. */
  conversion?: {
    stored: ResourceType;
    toStored(object: T): KubeObject;
    /** The argument is shared: it isn't changed. */
    fromStored(stored: KubeObject): T;
    /** Where somebody else has to be asked: all objects into one version. The two above are then only for what is of the wanted version already. */
    convert?(objects: readonly KubeObject[], to: ResourceType): Promise<readonly KubeObject[]>;
  };
  /** The version that upstream stores, where it isn't the served one: discovery's storage hash is made of it. */
  storageVersion?: string;
  /** Objects that kube-apiserver has stored in a version of another shape, in this one; others come back as they are. */
  adopt?(stored: KubeObject): KubeObject;
  /** The `status` subresource: main writes keep the old status, status writes keep the old rest. */
  status?: UpdateRules<T>;
  /** An apply of the status creates an object that isn't there, as upstream's does for some kinds. */
  statusCreates?: boolean;
  /**
   * What a write cannot touch and so never owns: by subresource, '' for the object itself. Default: the main write can't touch the status,
   * a status write not the spec. Where the status' own has `f:metadata`, such a write leaves all of it alone.
   */
  resetFields?: Readonly<Record<string, FieldTree>>;
  scale?: ScalePaths;
  /** Whether a change of spec bumps metadata.generation, or it is 1 for good. Default: when there is a status subresource. */
  generation?: boolean | 'constant';
  /** Values that an object may have, where it may have more than VALUES_MAX: lists, maps and what they hold. */
  valuesMax?: number;
  /** Name rule of metadata.name: upstream's path-segment, DNS-1123 subdomain (default) or label, or own. */
  validateName?(name: string, prefix: boolean): string[];
  /** metadata.generateName is the name to generate: nothing is drawn to follow it. */
  takesPrefixAsName?: boolean;
  /** Fields for field selectors besides metadata.name and metadata.namespace. Every name is present for every object, an empty one included. */
  selectableFields?(object: T): Record<string, string>;
  columns?: readonly Column<T>[];
  /** What is said of a whole row of a table, such as that a pod has completed. */
  rowConditions?(object: T): { type: string; status: string; reason?: string; message?: string }[];
  /** Pods: grace period to use, from the request's or the object's own; undefined or 0 deletes at once. */
  graceSeconds?(object: T, requested: number | undefined, context: RuleContext): number | undefined;
  /** Finalizer policy when the caller names none: background for all but a few (batch/v1 Jobs have background in v1 too). */
  defaultPropagation?: 'Background' | 'Orphan' | 'Foreground' | 'Unsupported';
  /** Said with a delete that leaves the policy to the default. */
  propagationAdvice?: string;
  /** What a delete answers: the object (`pods`, …) or a Status. Default Status, with upstream's details. */
  deleteReturnsObject?: boolean;
  /** Kept only so long, as events are. */
  ttlSeconds?(object: T): number | undefined;
  /** An upsert is allowed: PUT of a name that is not there creates it (leases, endpoints …). */
  allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is allowed. Default true, as for most kinds. */
  allowUnconditionalUpdate?: boolean;
  /** Never stored: reviews answer from this. */
  review?(object: T, context: RuleContext, operations: ObjectOperations): Promise<T | Status> | T;
  /** Subresources beyond status and scale: binding, eviction, token, log …; served by handlers that the server registers by name. */
  subresources?: readonly SubresourceDefinition<T>[];
  /** Whether an object that is being deleted waits for more than metadata.finalizers, as namespaces do for spec.finalizers. */
  holdsDeletion?(object: T): boolean;
  /** With holdsDeletion: what the first DELETE changes besides deletionTimestamp, such as the phase. */
  markDeleting?(object: T): void;
  /** With holdsDeletion: the first DELETE puts none of the garbage collector's finalizers, and further ones go as for any other kind. */
  holdsAlone?: boolean;
  /** Turns an object away for a reason outside validation, e.g. namespace deletion. */
  beforeDelete?(object: T, context: RuleContext): StatusError | undefined;
}

export interface SubresourceDefinition<T extends KubeObject = KubeObject> {
  name: string;
  verbs: readonly string[];
  /** Kind and group version of the body, such as `autoscaling/v1` `Scale`. */
  kind: string;
  group?: string;
  version?: string;
  /** The subresource is a view on the object itself (pods/resize, namespaces/finalize …): reads give the object, updates follow these rules. */
  update?: UpdateRules<T>;
  /** What a POST does (pods/binding, pods/eviction): its answer is sent with 201. Throws StatusError. */
  create?(
    body: KubeObject,
    target: { name: string; namespace?: string },
    context: RuleContext,
    operations: ObjectOperations,
  ): Promise<KubeObject | Status>;
}

/** Checks a definition's shape where types can't and freezes it. */
export function defineResource<T extends KubeObject>(definition: ResourceDefinition<T>): ResourceDefinition<T> {
  return Object.freeze(definition);
}
