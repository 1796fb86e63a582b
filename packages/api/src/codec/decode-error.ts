// Why bytes aren't an object, in upstream's words (encoding/json's UnmarshalTypeError and SyntaxError, sigs.k8s.io/json).

/** The caller's input can't be decoded. The message is upstream's, without the caller-facing frame around it. */
export class DecodeError extends Error {
  override name = 'DecodeError';
}

/** A value of a wrong type; the structs it sits in add their field names on the way out. */
export class TypeMismatch extends DecodeError {
  readonly path: string[] = [];
  struct = '';
  readonly value: string;
  readonly goType: string;

  constructor(value: string, goType: string) {
    super();
    this.value = value;
    this.goType = goType;
  }

  override get message(): string {
    const where = this.struct === '' ? 'value' : `struct field ${this.struct}.${this.path.join('.')}`;
    return `json: cannot unmarshal ${this.value} into Go ${where} of type ${this.goType}`;
  }

  /** Called by each struct on the way out: the innermost one names the type. */
  within(struct: string, embedded: readonly string[], field: string): void {
    if (this.struct === '') this.struct = struct;
    this.path.unshift(...embedded, field);
  }
}

/** What Go calls the JSON value. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}
