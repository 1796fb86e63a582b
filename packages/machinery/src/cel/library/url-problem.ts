// What Go's net/url has against a text as a URL (net/url url.go parse, parseAuthority, unescape).
import { goQuoted } from '../../go-text.ts';
import { isAddressOfSix } from './addresses.ts';

const ESCAPE = /%(?![0-9a-fA-F]{2})[\s\S]{0,2}/u;
/** In a host, of what is no escape: everything beyond ASCII, and these. */
const NO_HOST_CHARACTER = /[^A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%\x80-\u{10ffff}]/u;
/** Those of a host are for bytes beyond ASCII, and for the sign itself. */
const NO_HOST_ESCAPE = /%(?!25)[0-7][0-9a-fA-F]/;
const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const PORT = /^(?::\d*)?$/;

/** Three bytes of it are told. */
const badEscape = (found: string) => `invalid URL escape ${goQuoted(new TextEncoder().encode(found).subarray(0, 3))}`;

function escapeProblem(text: string): string | undefined {
  const found = ESCAPE.exec(text)?.[0];
  return found === undefined ? undefined : badEscape(found);
}

/** The first of them in the text is told. */
function hostTextProblem(host: string): string | undefined {
  const places = [ESCAPE, NO_HOST_ESCAPE, NO_HOST_CHARACTER].map((pattern) => pattern.exec(host));
  const first = places.filter((match) => match !== null).sort((a, b) => a.index - b.index)[0];
  if (!first) return undefined;
  return first[0].startsWith('%') ? badEscape(first[0]) : `invalid character ${goQuoted(first[0])} in host name`;
}

function bracketProblem(host: string): string | undefined {
  const close = host.lastIndexOf(']');
  if (close < 0) return "missing ']' in host";
  const port = host.slice(close + 1);
  if (!PORT.test(port)) return `invalid port ${goQuoted(port)} after host`;
  const name = host.slice(1, close);
  const zone = name.indexOf('%25');
  const problem = hostTextProblem(zone < 0 ? name : name.slice(0, zone)) ?? (zone < 0 ? undefined : escapeProblem(name.slice(zone)));
  if (problem !== undefined) return problem;
  const address = zone < 0 ? name : `${name.slice(0, zone)}${decodeURIComponent(name.slice(zone))}`;
  if (/^\d+(?:\.\d+){3}$/.test(address)) return 'invalid IP-literal';
  return isAddressOfSix(address) ? undefined : `invalid host: ParseAddr(${goQuoted(address)}): unable to parse IP`;
}

function hostProblem(scheme: string, host: string): string | undefined {
  const bracket = host.lastIndexOf('[');
  if (bracket > 0) return 'invalid IP-literal';
  if (bracket === 0) return bracketProblem(host);
  // Lists of hosts, as databases have them, are let pass.
  const colon = scheme === 'http' || scheme === 'https' ? host.indexOf(':') : host.lastIndexOf(':');
  const port = colon < 0 ? '' : host.slice(colon);
  return PORT.test(port) ? hostTextProblem(host) : `invalid port ${goQuoted(port)} after host`;
}

function authorityProblem(scheme: string, authority: string): string | undefined {
  const at = authority.lastIndexOf('@');
  const problem = hostProblem(scheme, authority.slice(at + 1));
  if (problem !== undefined || at < 0) return problem;
  const user = authority.slice(0, at);
  return USER.test(user) ? escapeProblem(user) : 'net/url: invalid userinfo';
}

/** `isRequest`: as the target of a request, which is a URL or a path from the root. */
function problemOf(text: string, isRequest: boolean): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  if (text === '') return isRequest ? 'empty url' : undefined;
  if (text === '*') return undefined;
  if (text.startsWith(':')) return 'missing protocol scheme';
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1];
  let [rest] = text.slice(scheme === undefined ? 0 : scheme.length + 1).split('?') as [string];
  if (!rest.startsWith('/')) {
    // What has no slash after its scheme is opaque, such as `mailto:a@b`.
    if (scheme !== undefined) return undefined;
    if (isRequest) return 'invalid URI for request';
    if (rest.split('/')[0]!.includes(':')) return 'first path segment in URL cannot contain colon';
  }
  const hasAuthority = scheme !== undefined || (!isRequest && !rest.startsWith('///'));
  if (hasAuthority && rest.startsWith('//')) {
    const [authority] = rest.slice(2).split('/') as [string];
    const problem = authorityProblem(scheme?.toLowerCase() ?? '', authority);
    if (problem !== undefined) return problem;
    rest = rest.slice(2 + authority.length);
  }
  return escapeProblem(rest);
}

/** What url.ParseRequestURI would say; undefined: it is one. */
export function urlProblem(text: string): string | undefined {
  const problem = problemOf(text, true);
  return problem === undefined ? undefined : `parse ${goQuoted(text)}: ${problem}`;
}

/** What url.Parse would say, which takes references without scheme or path as well. */
export function referenceProblem(text: string): string | undefined {
  const [main] = text.split('#') as [string];
  const problem = problemOf(main, false);
  if (problem !== undefined) return `parse ${goQuoted(main)}: ${problem}`;
  const fragment = escapeProblem(text.slice(main.length + 1));
  return fragment === undefined ? undefined : `parse ${goQuoted(text)}: ${fragment}`;
}
