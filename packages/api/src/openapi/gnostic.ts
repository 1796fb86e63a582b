// An OpenAPI v2 document as gnostic's protobuf (google/gnostic-models openapiv2/OpenAPIv2.proto), as far as our documents go.
// Extensions and defaults travel as YAML text; JSON is YAML.
import { BackwardWriter } from '../protobuf/writer.ts';

type Json = Record<string, any>;
type Body = (writer: BackwardWriter) => void;

const LENGTH = 2;
const VARINT = 0;
const EXTENSION = /^x-/;

/** Fields are collected in order and written backwards. */
class Message {
  readonly #fields: [number, Body | boolean][] = [];

  text(number: number, value: unknown): this {
    if (typeof value === 'string' && value !== '') this.#fields.push([number, (writer) => writer.text(value)]);
    return this;
  }

  texts(number: number, values: unknown): this {
    for (const value of (values as string[]) ?? []) this.#fields.push([number, (writer) => writer.text(value)]);
    return this;
  }

  flag(number: number, value: unknown): this {
    if (value === true) this.#fields.push([number, true]);
    return this;
  }

  message(number: number, inner: Message | undefined): this {
    if (inner) this.#fields.push([number, (writer) => inner.write(writer)]);
    return this;
  }

  /** One entry per key: a message with the name and the value. */
  named(number: number, map: Json | undefined, make: (value: any) => Message): this {
    for (const [name, value] of Object.entries(map ?? {})) this.message(number, new Message().text(1, name).message(2, make(value)));
    return this;
  }

  extensions(number: number, object: Json): this {
    const entries = Object.entries(object).filter(([name]) => EXTENSION.test(name));
    return this.named(number, Object.fromEntries(entries), anyOf);
  }

  write(writer: BackwardWriter): void {
    for (let i = this.#fields.length - 1; i >= 0; i--) {
      const [number, body] = this.#fields[i]!;
      if (body === true) {
        writer.byte(1);
        writer.tag(number, VARINT);
        continue;
      }
      const before = writer.length;
      (body as Body)(writer);
      writer.varint(writer.length - before);
      writer.tag(number, LENGTH);
    }
  }
}

const anyOf = (value: unknown) => new Message().text(2, `${JSON.stringify(value)}\n`);

export function encodeGnosticV2(document: Json): Uint8Array {
  const info = new Message().text(1, document.info.title).text(2, document.info.version);
  const message = new Message()
    .text(1, document.swagger)
    .message(2, info)
    .message(8, new Message().named(2, document.paths, pathItem))
    .message(9, new Message().named(1, document.definitions, schemaMessage));
  const writer = new BackwardWriter();
  message.write(writer);
  return writer.finish();
}

function pathItem(item: Json): Message {
  const message = new Message();
  const numbers: [string, number][] = [
    ['get', 2],
    ['put', 3],
    ['post', 4],
    ['delete', 5],
    ['options', 6],
    ['head', 7],
    ['patch', 8],
  ];
  for (const [method, number] of numbers) if (item[method]) message.message(number, operation(item[method]));
  for (const parameter of item.parameters ?? []) message.message(9, parameterItem(parameter));
  return message;
}

function operation(value: Json): Message {
  const message = new Message()
    .texts(1, value.tags)
    .text(3, value.description)
    .text(5, value.operationId)
    .texts(6, value.produces)
    .texts(7, value.consumes);
  for (const parameter of value.parameters ?? []) message.message(8, parameterItem(parameter));
  const responses = new Message().named(1, value.responses, (response) => new Message().message(1, responseMessage(response)));
  return message.message(9, responses).texts(10, value.schemes).extensions(13, value);
}

function responseMessage(response: Json): Message {
  const schema = response.schema ? new Message().message(1, schemaMessage(response.schema)) : undefined;
  return new Message().text(1, response.description).message(2, schema);
}

function parameterItem(parameter: Json): Message {
  if (parameter.in === 'body') {
    const body = new Message()
      .text(2, parameter.name)
      .text(3, 'body')
      .flag(4, parameter.required)
      .message(5, schemaMessage(parameter.schema));
    return new Message().message(1, new Message().message(1, body));
  }
  const common = new Message().flag(1, parameter.required).text(2, parameter.in).text(4, parameter.name);
  const inPath = parameter.in === 'path';
  if (inPath) common.text(5, parameter.type).flag(19, parameter.uniqueItems);
  else common.text(6, parameter.type).flag(20, parameter.uniqueItems);
  const nonBody = new Message().message(inPath ? 4 : 3, common);
  return new Message().message(1, new Message().message(2, nonBody));
}

function schemaMessage(schema: Json): Message {
  const message = new Message().text(1, schema.$ref).text(2, schema.format).text(3, schema.title).text(4, schema.description);
  if (schema.default !== undefined) message.message(5, anyOf(schema.default));
  message.text(13, schema.pattern).flag(16, schema.uniqueItems).texts(19, schema.required);
  for (const value of schema.enum ?? []) message.message(20, anyOf(value));
  const additional = schema.additionalProperties;
  if (additional === true) message.message(21, new Message().flag(2, true));
  else if (additional) message.message(21, new Message().message(1, schemaMessage(additional)));
  if (schema.type) message.message(22, new Message().texts(1, Array.isArray(schema.type) ? schema.type : [schema.type]));
  if (schema.items) message.message(23, new Message().message(1, schemaMessage(schema.items)));
  if (schema.properties) message.message(25, new Message().named(1, schema.properties, schemaMessage));
  return message.extensions(31, schema);
}
