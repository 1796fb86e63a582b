// Objects as others have stored them: kube-apiserver writes protobuf for built-in kinds and JSON of its own order for custom
// ones, some in older versions (apiserver runtime/serializer). All become this server's form, so that an etcd of upstream's can be
// taken over.
import { apiVersionOf, DecodeError, decodeProtobuf, isProtobuf } from '@tiphys/api';
import type { ResourceDefinition } from '@tiphys/registry';
import { encodeStored, type PlainObject } from './entry.ts';

export interface StoredForm {
  /** Of a version that the tables don't have; it is read as the stored one. */
  schema?: string;
  /** Puts another version into the one that is stored here. */
  adopt?(object: PlainObject): PlainObject;
}

const OWN_START = Buffer.from('{"kind":"');
const OWN_END = 0x7d;

/** Asked of every object at the start, so byte by byte: a call into Buffer takes ten times as long. */
function isOwn(value: Uint8Array): boolean {
  for (let i = 0; i < OWN_START.length; i++) if (value[i] !== OWN_START[i]) return false;
  return value[value.length - 1] === OWN_END;
}

/** Of a built-in resource. Versions of one group that are stored differ in name only, unless the definition says more. */
export function storedForm({ type, conversion, schema, adopt }: ResourceDefinition<any>): StoredForm {
  const { kind, group, version } = conversion?.stored ?? type;
  const apiVersion = apiVersionOf({ group, version });
  return {
    ...(conversion ? {} : { schema }),
    adopt: (object) => {
      const adopted = (adopt?.(object) ?? object) as PlainObject;
      const isOlder = adopted.apiVersion !== apiVersion && adopted.apiVersion?.startsWith(`${group}/`) && adopted.kind === kind;
      return isOlder ? { ...adopted, apiVersion } : adopted;
    },
  };
}

function fromProtobuf(value: Uint8Array, schema: string | undefined): PlainObject {
  try {
    return decodeProtobuf(value) as PlainObject;
  } catch (error) {
    if (!(error instanceof DecodeError) || schema === undefined) throw error;
    return decodeProtobuf(value, { schema }) as PlainObject;
  }
}

/** The value itself when this program wrote it. Throws an Error that says why the value is no object. */
export function ownForm(value: Uint8Array, { schema, adopt }: StoredForm = {}): Uint8Array {
  if (isOwn(value)) return value;
  const { buffer, byteOffset, length } = value;
  const object = isProtobuf(value)
    ? fromProtobuf(value, schema)
    : (JSON.parse(Buffer.from(buffer, byteOffset, length).toString('utf8')) as PlainObject);
  if (typeof object?.metadata?.name !== 'string') throw new Error('the stored value has no metadata.name');
  return encodeStored(adopt?.(object) ?? object);
}
