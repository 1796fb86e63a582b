// The headers of a request, checked (RFC 9113, section 8).
import type { Header } from './hpack.ts';

export interface RequestHead {
  method: string;
  path: string;
  /** Names in small letters. */
  headers: Record<string, string>;
}

const PSEUDO = new Set([':method', ':path', ':scheme', ':authority']);
/** They are about one connection of HTTP/1.1 and have no place here. */
const FORBIDDEN = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
/** Of these the first counts. */
const SINGLE = new Set(['authorization', 'content-length', 'content-type', 'host', 'user-agent', 'from', 'max-forwards', 'referer']);
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const UNFIT = /[\0\r\n]/;

/** Undefined where the request is malformed. */
export function requestHead(headers: readonly Header[]): RequestHead | undefined {
  const pseudo: Record<string, string> = {};
  const plain: Record<string, string> = {};
  let named = false;
  for (const [name, value] of headers) {
    if (UNFIT.test(value)) return undefined;
    if (name.charCodeAt(0) === 58) {
      if (named || !PSEUDO.has(name) || pseudo[name] !== undefined) return undefined;
      pseudo[name] = value;
      continue;
    }
    named = true;
    if (!NAME.test(name) || FORBIDDEN.has(name) || (name === 'te' && value !== 'trailers')) return undefined;
    const before = Object.hasOwn(plain, name) ? plain[name] : undefined;
    if (before === undefined) plain[name] = value;
    else if (!SINGLE.has(name)) plain[name] = before + (name === 'cookie' ? '; ' : ', ') + value;
  }
  const { ':method': method, ':path': path, ':scheme': scheme, ':authority': authority } = pseudo;
  if (!method || !path || !scheme) return undefined;
  if (authority && plain.host === undefined) plain.host = authority;
  return { method, path, headers: plain };
}
