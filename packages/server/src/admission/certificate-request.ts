// Reads the subject of a PKCS#10 request (RFC 2986); nothing more of the request matters to admission.

const SEQUENCE = 0x30;
const SET = 0x31;
const OBJECT_IDENTIFIER = 0x06;
const BMP_STRING = 0x1e;
/** id-at-commonName, 2.5.4.3 */
const COMMON_NAME = Buffer.from([0x55, 0x04, 0x03]);
/** id-at-organizationName, 2.5.4.10 */
const ORGANIZATION = Buffer.from([0x55, 0x04, 0x0a]);

interface Element {
  tag: number;
  content: Buffer;
  rest: Buffer;
}

function element(bytes: Buffer): Element {
  if (bytes.length < 2) throw new Error('asn1: syntax error: data truncated');
  let length = bytes[1]!;
  let at = 2;
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4 || bytes.length < 2 + count) throw new Error('asn1: structure error: bad length');
    length = bytes.readUIntBE(2, count);
    at = 2 + count;
  }
  if (bytes.length < at + length) throw new Error('asn1: syntax error: data truncated');
  return { tag: bytes[0]!, content: bytes.subarray(at, at + length), rest: bytes.subarray(at + length) };
}

function expect(bytes: Buffer, tag: number): Element {
  const found = element(bytes);
  if (found.tag !== tag) throw new Error(`asn1: structure error: tags don't match (${tag} vs ${found.tag})`);
  return found;
}

function textOf({ tag, content }: Element): string {
  if (tag !== BMP_STRING) return content.toString('utf8');
  return Buffer.from(content).swap16().toString('utf16le');
}

/** Values of one attribute of the subject. `request`: base64 of a PEM block, as spec.request carries it. Throws when it isn't one. */
function subjectValues(request: string, attributeType: Buffer): string[] {
  const pem = Buffer.from(request, 'base64').toString('latin1');
  const block = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\s\S]+?)-----END (?:NEW )?CERTIFICATE REQUEST-----/.exec(pem);
  if (!block) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const info = expect(expect(Buffer.from(block[1]!, 'base64'), SEQUENCE).content, SEQUENCE);
  const version = element(info.content);
  const values: string[] = [];
  for (let names = expect(version.rest, SEQUENCE).content; names.length > 0; ) {
    const set = expect(names, SET);
    for (let attributes = set.content; attributes.length > 0; ) {
      const attribute = expect(attributes, SEQUENCE);
      const identifier = expect(attribute.content, OBJECT_IDENTIFIER);
      if (identifier.content.equals(attributeType)) values.push(textOf(element(identifier.rest)));
      attributes = attribute.rest;
    }
    names = set.rest;
  }
  return values;
}

export const organizationsOf = (request: string): string[] => subjectValues(request, ORGANIZATION);
export const commonNameOf = (request: string): string => subjectValues(request, COMMON_NAME).at(-1) ?? '';
