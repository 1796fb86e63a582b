// For tests of this package: rules as lines of text, over objects in a map.
import type { corev1, KubeObject, ResourceType } from '@tiphys/api';
import { type FieldError, statusError } from '@tiphys/machinery';
import { seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { builtinDefinitions } from './built-in/definitions.ts';
import type { BuiltInOptions } from './built-in/options.ts';
import type { ObjectOperations, ResourceDefinition, RuleContext } from './define-resource.ts';

export type Changes = (object: any) => void;

/** The objects of a world without a server, and the context and operations of rules over them. */
export function world(objects: readonly KubeObject[] = []) {
  const stored = new Map<string, KubeObject>();
  const warnings: string[] = [];
  const key = (kind: string, name: string | undefined, namespace: string | undefined) => `${kind}/${namespace ?? ''}/${name}`;
  const put = <T extends KubeObject>(object: T): T => {
    stored.set(key(object.kind!, object.metadata?.name, object.metadata?.namespace), object);
    return object;
  };
  for (const object of objects) put(object);
  const find = <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) =>
    stored.get(key(type.kind, name, type.namespaced ? namespace : undefined)) as T | undefined;
  const context: RuleContext = {
    runtime: { clock: virtualClock(), random: seededRandom(7), log: silentLogger },
    reader: {
      revisionOf: () => 0,
      get: find,
      list: <T extends KubeObject>(type: ResourceType<T>, namespace?: string) =>
        [...stored.values()].filter(
          ({ kind, metadata }) => kind === type.kind && (namespace === undefined || metadata?.namespace === namespace),
        ) as T[],
    },
    user: { name: 'tester', groups: ['system:authenticated'] },
    dryRun: false,
    warn: (text) => void warnings.push(text),
  };
  const existing = <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): T => {
    const object = find(type, name, namespace);
    if (!object) throw statusError.notFound(type, name);
    return object;
  };
  const operations: ObjectOperations = {
    get: async (type, name, namespace) => existing(type, name, namespace),
    async create(type, object) {
      if (find(type, object.metadata!.name!, object.metadata!.namespace)) throw statusError.alreadyExists(type, object.metadata!.name!);
      return put(object);
    },
    async update(type, name, namespace, change) {
      const current = existing(type, name, namespace);
      const next = change(current);
      return next === undefined ? current : put(next);
    },
    async updateRange(name, change) {
      const next = change(stored.get(name) as corev1.RangeAllocation | undefined);
      if (next) stored.set(name, next);
    },
    async delete(type, name, namespace) {
      const object = existing(type, name, namespace);
      stored.delete(key(type.kind, name, type.namespaced ? namespace : undefined));
      return object;
    },
  };
  return { context, operations, warnings, put, stored };
}

const known = new Map(builtinDefinitions().map((definition) => [definition.type.kind, definition]));

/** The definition of a kind in its preferred version. */
export function definitionOf(kind: string, options?: BuiltInOptions): ResourceDefinition<any> {
  const found = options ? builtinDefinitions(options).find(({ type }) => type.kind === kind) : known.get(kind);
  if (!found) throw new Error(`no definition of ${kind}`);
  return found;
}

export const lines = (errors: readonly FieldError[]) => errors.map(({ field, message }) => `${field}: ${message}`);

/** What creating the object is answered with: error lines, none when it is fine. */
export function check(object: KubeObject): string[] {
  return lines(definitionOf(object.kind!).validateCreate?.(object, world().context) ?? []);
}

/** What changing the old object so is answered with, after the kind's own preparation. */
export function checkUpdate(old: KubeObject, changes: Changes): string[] {
  const object = structuredClone(old);
  changes(object);
  const definition = definitionOf(old.kind!);
  const { context } = world();
  definition.prepareForUpdate?.(object, old, context);
  return lines(definition.validateUpdate?.(object, old, context) ?? []);
}

/** A table's row, cells by column name. */
export function row(object: KubeObject, nowMs = Date.UTC(2026, 0, 2)): Record<string, unknown> {
  return Object.fromEntries((definitionOf(object.kind!).columns ?? []).map(({ name, cell }) => [name, cell(object, nowMs)]));
}

/** A pod that is valid, as it is after defaulting. */
export function pod(changes: Changes = () => {}): any {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      serviceAccountName: 'default',
      schedulerName: 'default-scheduler',
      securityContext: {},
      containers: [
        { name: 'web', image: 'nginx', imagePullPolicy: 'Always', terminationMessagePolicy: 'File', terminationMessagePath: '/dev/log' },
      ],
    },
  };
  changes(object);
  return object;
}

/** A pod template that is valid, labelled as the selectors of these tests want it. */
export const template = (changes: Changes = () => {}) => {
  const { spec } = pod();
  const object = { metadata: { labels: { app: 'web' } }, spec };
  changes(object);
  return object;
};

export const selector = { matchLabels: { app: 'web' } };
