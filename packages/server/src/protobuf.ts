// The protobuf content type, as far as the codec of `api` reaches.
import * as api from '@tiphys/api';

type Decoder = (bytes: Uint8Array, typeName: string) => object;

const decoder = (api as unknown as { decodeProtobufObject?: Decoder }).decodeProtobufObject;

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
export const speaksProtobuf = decoder !== undefined;

export function decodeProtobuf(bytes: Uint8Array, typeName: string): object {
  if (!decoder) throw new Error('protobuf is not supported');
  return decoder(bytes, typeName);
}
