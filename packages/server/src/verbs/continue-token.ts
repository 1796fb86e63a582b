// Upstream's continue tokens: base64 JSON with the revision and the key to go on after (apiserver storage/continue.go).
import { statusError } from '@tiphys/machinery';

const VERSION = 'meta.k8s.io/v1';

export interface ContinueToken {
  /** -1 continues at whatever revision is current, without consistency. */
  revision: number;
  /** Key relative to the listed collection, exclusive. */
  after: string;
}

/** Keys in tokens are where the next page starts: the last key and a zero character. */
export function encodeContinue(token: ContinueToken): string {
  const json = JSON.stringify({ v: VERSION, rv: token.revision, start: `${token.after}\u0000` });
  return Buffer.from(json, 'utf8').toString('base64url');
}

/** Throws BadRequest for anything that encodeContinue did not make. */
export function decodeContinue(text: string): ContinueToken {
  const invalid = (why: string) => statusError.badRequest(`invalid continue token: continue key is not valid: ${why}`);
  let parsed: { v?: unknown; rv?: unknown; start?: unknown } | null;
  try {
    parsed = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    const first = Buffer.from(text, 'base64url').toString('utf8').slice(0, 1);
    throw invalid(first === '' ? 'unexpected end of JSON input' : `invalid character '${first}' looking for beginning of value`);
  }
  if (typeof parsed !== 'object' || parsed === null || parsed.v !== VERSION) {
    throw invalid(`server does not recognize this encoded version ${JSON.stringify(parsed?.v ?? '')}`);
  }
  const { rv, start } = parsed;
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw invalid(`incorrect encoded start resourceVersion (version ${VERSION})`);
  }
  if (typeof start !== 'string' || start === '') throw invalid(`encoded start key empty (version ${VERSION})`);
  if (start.split('/').some((segment) => segment === '.' || segment === '..')) throw invalid(start);
  return { revision: rv, after: start.endsWith('\u0000') ? start.slice(0, -1) : start };
}
