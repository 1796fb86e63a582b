// Objects as others have stored them: kube-apiserver writes protobuf for built-in kinds and JSON of its own order for custom
// ones (apiserver runtime/serializer). Both become this server's form, so that an etcd of upstream's can be taken over.
import { decodeProtobuf, isProtobuf } from '@tiphys/api';
import { encodeStored, type PlainObject } from './entry.ts';

const OWN_START = Buffer.from('{"kind":"');
const OWN_END = 0x7d;

const isOwn = (value: Uint8Array): boolean =>
  value.at(-1) === OWN_END && OWN_START.compare(value, 0, Math.min(OWN_START.length, value.length)) === 0;

/** The value itself when this program wrote it. Throws an Error that says why the value is no object. */
export function ownForm(value: Uint8Array): Uint8Array {
  if (isOwn(value)) return value;
  const { buffer, byteOffset, length } = value;
  const object = isProtobuf(value)
    ? (decodeProtobuf(value) as PlainObject)
    : (JSON.parse(Buffer.from(buffer, byteOffset, length).toString('utf8')) as PlainObject);
  if (typeof object?.metadata?.name !== 'string') throw new Error('the stored value has no metadata.name');
  return encodeStored(object);
}
