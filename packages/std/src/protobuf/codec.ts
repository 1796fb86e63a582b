// Protobuf for the messages of a descriptor table: the few hundred lines of a full runtime are not needed for CRI and etcd, and a table
// of strings that is read on first use costs little memory.
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { messageReader } from './decode.ts';
import { type Message, typeTable } from './descriptor.ts';
import { messageWriter } from './encode.ts';

export interface Codec {
  encode(type: string, message: object): Uint8Array;
  decode<T>(type: string, bytes: Uint8Array): T;
}

export function codec(messages: Readonly<Record<string, string>>): Codec {
  const typeOf = typeTable(messages);
  const write = messageWriter(typeOf);
  const read = messageReader(typeOf);
  return {
    encode: (type, message) => {
      const writer = new BinaryWriter();
      write(writer, typeOf(type), message as Message);
      return writer.finish();
    },
    decode: <T>(type: string, bytes: Uint8Array) => read(new BinaryReader(bytes), typeOf(type), bytes.length) as T,
  };
}
