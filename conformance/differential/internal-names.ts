// Upstream prints values in messages by its internal types: other names (`PodCIDRs`, `APIGroup`), every field, and nothing for an empty
// list. These forms are brought to one, and the line by line difference of two specs is left out. See README.md.

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that are called something else there. */
const RENAMED: Readonly<Record<string, string>> = {
  cephmonitors: 'monitors',
  datadiskuri: 'diskuri',
  endpointsname: 'endpoints',
  radosuser: 'user',
  rbdimage: 'image',
  rbdpool: 'pool',
};
/** What a pod asks of its host is kept in its security context there. */
const OF_PODS = ['hostipc', 'hostnetwork', 'hostpid', 'hostusers', 'shareprocessnamespace'];

function withoutHost(security: unknown, entries: [string, unknown][]): unknown {
  if (!isObject(security)) return security;
  const kept = { ...security };
  for (const name of OF_PODS) {
    if (kept[name] === undefined) continue;
    entries.push([name, kept[name]]);
    delete kept[name];
  }
  return Object.keys(kept).length > 0 ? kept : undefined;
}

/** A pod's account has one name there; the older field is read into it where that alone is set. */
function withOneAccount(entries: [string, unknown][]): [string, unknown][] {
  const byName = new Map(entries);
  const older = byName.get('serviceaccount');
  if (older === undefined || !byName.has('containers')) return entries;
  const others = entries.filter(([name]) => name !== 'serviceaccount');
  return byName.has('serviceaccountname') ? others : [...others, ['serviceaccountname', older]];
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => plain(item) ?? null);
  if (!isObject(value)) return value === null || value === '' || value === 0 || value === false || value === '0' ? undefined : value;
  const entries: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const kept = plain(inner);
    if (kept === undefined) continue;
    // Metadata is embedded there.
    if (key === 'metadata' && isObject(kept)) entries.push(...Object.entries(kept));
    else if (key.toLowerCase() === 'securitycontext') {
      const security = withoutHost(kept, entries);
      if (security !== undefined) entries.push(['securitycontext', security]);
    } else entries.push([RENAMED[key.toLowerCase()] ?? key.toLowerCase(), kept]);
  }
  if (entries.length === 0) return undefined;
  return Object.fromEntries(withOneAccount(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where the JSON value that begins there ends, or -1. */
function endOfValue(text: string, from: number): number {
  if (text.startsWith('null', from)) return from + 4;
  let depth = 0;
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === '\\') i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      depth--;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

const VALUE = /(Invalid value|Unsupported value|Duplicate value): (?=[{[]|null)/g;
const SPEC_DIFFERENCE = /\n(@@|[-+] ?[a-z"])[\s\S]*$/;

export function withoutInternalNames(message: string): string {
  let made = '';
  let at = 0;
  for (const match of message.matchAll(VALUE)) {
    const from = match.index + match[0].length;
    if (from < at) continue;
    const end = endOfValue(message, from);
    if (end < 0) continue;
    let value: unknown;
    try {
      value = JSON.parse(message.slice(from, end));
    } catch {
      continue;
    }
    made += message.slice(at, from) + (JSON.stringify(plain(value)) ?? 'null');
    at = end;
  }
  return (made + message.slice(at)).replace(SPEC_DIFFERENCE, '\n…');
}
