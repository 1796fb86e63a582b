// The parts of URLs as Go's net/url has them: nothing is normalized.

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
