/** The kind has no protobuf form (Table, custom resources): upstream answers 406 or asks for JSON. */
export class ProtobufNotSupported extends Error {
  override name = 'ProtobufNotSupported';

  constructor(kind: string) {
    super(`object ${kind} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message`);
  }
}
