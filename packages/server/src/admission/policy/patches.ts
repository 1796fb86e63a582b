// What a mutation's expression does to an object (apiserver admission/plugin/policy/mutating/patch/{smd,json_patch}.go).
import type { KubeObject } from '@tiphys/api';
import { applyJsonPatch, cel, type MergeType, mergeTyped, typedErrors } from '@tiphys/machinery';

/** The object with an ApplyConfiguration merged in. Throws Error saying why not. */
export function applyConfiguration(value: cel.Value, object: KubeObject, type: MergeType): KubeObject {
  if (!(value instanceof cel.PatchObject)) throw new Error('unsupported return type from ApplyConfiguration expression');
  const misnamed = typeNameErrors(value, value.typeName);
  if (misnamed.length > 0) throw new Error(`type mismatch: ${misnamed.join('\n')}`);
  const patch = { ...(cel.toJson(value) as object), apiVersion: object.apiVersion, kind: object.kind };
  const errors = typedErrors(type, patch);
  if (errors.length > 0) throw new Error(`error applying patch: failed to convert patch object to typed object: ${errors.join('\n')}`);
  const atomics = atomicPaths(type, patch, '');
  if (atomics.length > 0) {
    throw new Error(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`,
    );
  }
  return mergeTyped(type, object, patch) as KubeObject;
}

/** `Object.spec{…}` must stand in the field spec. */
function typeNameErrors(value: cel.Value, path: string): string[] {
  if (value instanceof cel.CelList) return [...value].flatMap((item) => typeNameErrors(item, path));
  if (value instanceof cel.PatchObject) {
    const wrong = `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`;
    const inner = [...value.fields].flatMap(([name, field]) => typeNameErrors(field, `${path}.${name}`));
    return value.typeName === path ? inner : [wrong, ...inner];
  }
  return value instanceof cel.EntryMap ? [...value.entries()].flatMap(([, entry]) => typeNameErrors(entry, path)) : [];
}

function atomicPaths(type: MergeType, value: unknown, path: string): string[] {
  if (Array.isArray(value) && type.list) {
    const inner = value.flatMap((item, i) => atomicPaths(type.list!.item, item, `${path}[${i}]`));
    return type.list.kind === 'atomic' ? [path, ...inner] : inner;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !type.map) return [];
  const inner = Object.entries(value).flatMap(([key, entry]) => {
    const field = type.map!.fields[key];
    return field ? atomicPaths(field, entry, `${path}.${key}`) : [];
  });
  return type.map.atomic ? [path, ...inner] : inner;
}

/** The object with the operations applied; unchanged when a test among them fails. Throws Error saying why not. */
export function applyOperations(value: cel.Value, object: KubeObject): KubeObject {
  if (!(value instanceof cel.CelList)) throw new Error('type mismatch: JSONPatchType.expression should evaluate to array');
  const operations = [...value].map((operation) => operationOf(operation));
  try {
    return applyJsonPatch(structuredClone(object), operations);
  } catch (error) {
    const { message } = error as Error;
    if (/test(ing|) .*failed|test failed/i.test(message)) return object;
    throw new Error(`JSON Patch: ${message}`, { cause: error });
  }
}

function operationOf(operation: cel.Value): object {
  if (!(operation instanceof cel.PatchObject))
    throw new Error('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
  const { fields } = operation;
  const held = fields.get('value');
  if (held instanceof cel.PatchObject) {
    const misnamed = typeNameErrors(held, held.typeName.startsWith('Object') ? held.typeName : 'Object');
    if (misnamed.length > 0) throw new Error(`type mismatch: ${misnamed.join('\n')}`);
  }
  const from = fields.get('from');
  return {
    op: fields.get('op') ?? '',
    path: fields.get('path') ?? '',
    ...(from ? { from } : {}),
    ...(held === undefined ? {} : { value: cel.toJson(held) }),
  };
}
