// Blocks of privacy-enhanced mail as Go finds them (encoding/pem Decode): what stands between, and blocks that are broken, is passed over.

export interface PemBlock {
  type: string;
  hasHeaders: boolean;
  bytes: Buffer;
}

const BEGIN = '-----BEGIN ';
const END = '\n-----END ';
const DASHES = '-----';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The line at the place without blanks at its end, and where the next one begins. */
function lineAt(text: string, from: number): { line: string; next: number } {
  const end = text.indexOf('\n', from);
  const raw = end < 0 ? text.slice(from) : text.slice(from, end > from && text[end - 1] === '\r' ? end - 1 : end);
  return { line: raw.replace(/[ \t]+$/, ''), next: end < 0 ? text.length : end + 1 };
}

/** The block that ends at the line's start; undefined when it is none. `open` is the end of the text before. */
function blockBefore(text: string, from: number, end: number): { block: PemBlock; next: number } | undefined {
  const begin = text.slice(from, end).lastIndexOf(BEGIN);
  if (begin < 0 || (begin > 0 && text[from + begin - 1] !== '\n')) return undefined;
  const head = lineAt(text, from + begin + BEGIN.length);
  if (!head.line.endsWith(DASHES)) return undefined;
  const type = head.line.slice(0, -DASHES.length);
  let at = head.next;
  let hasHeaders = false;
  for (;;) {
    const { line, next } = lineAt(text, at);
    if (!line.includes(':')) break;
    hasHeaders = true;
    at = next;
  }
  // An empty block shares its one line break with its end.
  if (hasHeaders && end < at) return undefined;
  const trailer = end + END.length;
  const tail = `${type}${DASHES}`;
  if (!text.startsWith(tail, trailer)) return undefined;
  const last = lineAt(text, trailer + tail.length);
  if (last.line !== '') return undefined;
  const base64 = end > at ? text.slice(at, end).replace(/[ \t\r\n]/g, '') : '';
  if (!BASE64.test(base64)) return undefined;
  return { block: { type, hasHeaders, bytes: Buffer.from(base64, 'base64') }, next: last.next };
}

/** All blocks of a text, in their order. */
export const pemBlocks = (text: string): PemBlock[] => pemParts(text).blocks;

/** The blocks, and what stands behind the last of them. */
export function pemParts(text: string): { blocks: PemBlock[]; rest: string } {
  const blocks: PemBlock[] = [];
  let behind = 0;
  for (let from = 0, search = 0; ; ) {
    const end = text.indexOf(END, search);
    if (end < 0) return { blocks, rest: text.slice(behind) };
    const found = blockBefore(text, from, end);
    if (found) {
      blocks.push(found.block);
      from = found.next;
      search = found.next;
      behind = found.next;
    } else {
      from = end + END.length;
      search = from;
    }
  }
}
