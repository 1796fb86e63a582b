// Texts within the names of certificates (crypto/x509 parser.go parseASN1String).
import { isUtf8 } from 'node:buffer';
import type { DerElement } from './der-cursor.ts';

const UTF8 = 12;
const WIDE = 30;

const isLatin = (pattern: RegExp) => (content: Buffer) => pattern.test(content.toString('latin1'));

/** Two bytes a character, none of them half of one or none at all. */
function isWide(content: Buffer): boolean {
  if (content.length % 2 !== 0) return false;
  const end = content.length >= 2 && content.readUInt16BE(content.length - 2) === 0 ? content.length - 2 : content.length;
  for (let at = 0; at < end; at += 2) {
    const point = content.readUInt16BE(at);
    if (point >= 0xfffe || (point >= 0xfdd0 && point <= 0xfdef) || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

/** By the number of the type of text. */
const TEXTS: Readonly<Record<number, { name: string; holds(content: Buffer): boolean }>> = {
  [UTF8]: { name: 'UTF-8 string', holds: (content) => isUtf8(content) },
  18: { name: 'NumericString', holds: isLatin(/^[0-9 ]*$/) },
  19: { name: 'PrintableString', holds: isLatin(/^[A-Za-z0-9'()+,\-./ :=?*&]*$/) },
  // All of T.61 is taken for Latin-1.
  20: { name: 'T61String', holds: () => true },
  22: { name: 'IA5String', holds: isAscii },
  [WIDE]: { name: 'BMPString', holds: isWide },
};

/** Of what is no UTF-8, Go sees a character beyond ASCII as well. */
export function isAscii(content: Buffer): boolean {
  return content.every((byte) => byte < 0x80);
}

/** What is wrong with a text, or nothing. */
export function nameTextFault({ tag, content }: DerElement): string | undefined {
  const text = TEXTS[tag];
  if (!text) return `unsupported string type: ${tag}`;
  return text.holds(content) ? undefined : `invalid ${text.name}`;
}
