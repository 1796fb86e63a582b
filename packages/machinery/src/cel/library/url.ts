// URLs as Go's net/url reads them: nothing is normalized.

export interface UrlParts {
  scheme: string;
  /** With the port. */
  host: string;
  hostname: string;
  port: string;
  /** As it stands in the text. */
  path: string;
  query: string;
}

/** What url.ParseRequestURI would say; undefined: it is one. */
export function urlProblem(text: string): string | undefined {
  const failed = (why: string) => `parse ${JSON.stringify(text)}: ${why}`;
  if (text === '') return failed('empty url');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(text)) return failed('net/url: invalid control character in URL');
  if (text.startsWith(':')) return failed('missing protocol scheme');
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1];
  if (scheme === undefined && !text.startsWith('/') && text !== '*') return failed('invalid URI for request');
  const rest = text.slice(scheme === undefined ? 0 : scheme.length + 1);
  // What has no slash after its scheme is opaque, such as `mailto:a@b`.
  if (scheme !== undefined && !rest.startsWith('/')) return undefined;
  const badEscape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(rest.split('?')[0]!);
  if (badEscape) return failed(`invalid URL escape ${JSON.stringify(badEscape[0])}`);
  if (!rest.startsWith('//') || (scheme === undefined && rest.startsWith('///'))) return undefined;
  if (scheme === undefined) return undefined;
  const authority = authorityOf(rest);
  if (/[ <>"]/.test(authority)) return failed(`invalid character ${JSON.stringify(/[ <>"]/.exec(authority)![0])} in host name`);
  const port = /:([^:\]]*)$/.exec(authority.replace(/^.*@/, ''));
  if (port && !/^\d*$/.test(port[1]!)) return failed(`invalid port ${JSON.stringify(port[0])} after host`);
  if (authority.replace(/^.*@/, '').startsWith('[') && !authority.includes(']')) return failed("missing ']' in host");
  return undefined;
}

const authorityOf = (rest: string) => rest.slice(2).split(/[/?#]/)[0]!;

/** The parts of a URL that urlProblem() has nothing against. */
export function parseUrl(text: string): UrlParts {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1] ?? '';
  let rest = text.slice(scheme === '' ? 0 : scheme.length + 1).split('#')[0]!;
  let host = '';
  if (rest.startsWith('//') && !rest.startsWith('///')) {
    const authority = authorityOf(rest);
    rest = rest.slice(2 + authority.length);
    host = authority.replace(/^.*@/, '');
  } else if (rest.startsWith('///')) rest = rest.slice(2);
  const port = /:(\d*)$/.exec(host)?.[1];
  const hostname = (port === undefined ? host : host.slice(0, -port.length - 1)).replace(/^\[(.*)\]$/, '$1');
  const [path = '', ...query] = rest.split('?');
  return { scheme: scheme.toLowerCase(), host, hostname, port: port ?? '', path: encodePath(path), query: query.join('?') };
}

/** Escapes what may not stand in a path and keeps what is escaped already. */
function encodePath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]]/gu, (found) => encodeURIComponent(found));
}
