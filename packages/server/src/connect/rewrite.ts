// Links in answers of proxied servers, so that they lead back through the proxy (apimachinery util/proxy/transport.go).

/** Attributes that hold a URL, by element. */
const URL_ATTRIBUTES: Record<string, readonly string[]> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

export interface RewriteContext {
  /** The proxy's own path, without a final slash. */
  prefix: string;
  /** `host:port` of the proxied server, and the Host that the caller asked for. */
  backendHost: string;
  requestHost: string;
}

/** A URL as the caller must follow it. Relative ones and those of other hosts stay. */
export function rewriteUrl(text: string, context: RewriteContext): string {
  const parts = /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(text);
  if (!parts) return text;
  const [, host = '', path = '', rest = ''] = parts;
  if (host === '' && /^[a-z][a-z0-9+.-]*:/i.test(text)) return text;
  if (host !== '' && host !== context.backendHost && host !== context.requestHost) return text;
  if (!path.startsWith('/')) return text;
  const origin = host !== '' && host === context.requestHost ? text.slice(0, text.indexOf(host) + host.length) : '';
  return path.startsWith(context.prefix) ? `${origin}${path}${rest}` : `${origin}${context.prefix}${path}${rest}`;
}

const TAG = /<([a-z][a-z0-9]*)((?:\s+[^\s=>"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*\/?>/gi;
const ATTRIBUTE = /([^\s=>"']+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g;
/** Not markup: comments, and scripts' and styles' contents. */
const OPAQUE = /<!--[\s\S]*?-->|(<script\b[^>]*>)([\s\S]*?)(?=<\/script)|(<style\b[^>]*>)([\s\S]*?)(?=<\/style)/gi;

function rewriteTags(html: string, context: RewriteContext): string {
  return html.replace(TAG, (tag, element: string) => {
    const names = URL_ATTRIBUTES[element.toLowerCase()];
    if (!names) return tag;
    return tag.replace(ATTRIBUTE, (attribute, name: string, equals: string, value: string) => {
      if (!names.includes(name.toLowerCase())) return attribute;
      const quote = /^["']/.exec(value)?.[0] ?? '';
      const inner = quote ? value.slice(1, -1) : value;
      return `${name}${equals}${quote}${rewriteUrl(inner, context)}${quote}`;
    });
  });
}

/** The page with its links rewritten; everything else byte for byte. */
export function rewriteHtml(html: string, context: RewriteContext): string {
  let output = '';
  let position = 0;
  for (const match of html.matchAll(OPAQUE)) {
    output += rewriteTags(html.slice(position, match.index), context);
    const opening = match[1] ?? match[3];
    output += opening ? rewriteTags(opening, context) + match[0].slice(opening.length) : match[0];
    position = match.index + match[0].length;
  }
  return output + rewriteTags(html.slice(position), context);
}
