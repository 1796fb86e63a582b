// Whom the Impersonate-* headers ask for (apiserver endpoints/filters/impersonation/constrained_impersonation.go).
import { type ApiRequest, statusError, type UserInfo } from '@tiphys/machinery';

const PREFIX = 'impersonate-';
const EXTRA_PREFIX = `${PREFIX}extra-`;

/** Repeated headers arrive joined by a comma and a space. */
const valuesOf = (header: string): string[] => header.split(', ');

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** A user as Go prints the value, which is how upstream's refusal shows it. */
function goText({ uid = '', groups, extra }: UserInfo): string {
  const list = (values: readonly string[] | undefined) =>
    values?.length ? `[]string{${values.map((each) => JSON.stringify(each)).join(', ')}}` : '[]string(nil)';
  const entries = Object.entries(extra ?? {}).map(([key, values]) => `${JSON.stringify(key)}:${list(values)}`);
  const map = entries.length > 0 ? `map[string][]string{${entries.join(', ')}}` : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${list(groups)}, Extra:${map}}`;
}

/** Hardly anybody does. */
export function asksForAnother(headers: ApiRequest['headers']): boolean {
  for (const header in headers) if (header.startsWith(PREFIX)) return true;
  return false;
}

/** The user exactly as the headers have it; undefined without such headers. Throws BadRequest for parts without a name. */
export function wantedUser(headers: ApiRequest['headers']): UserInfo | undefined {
  const name = headers['impersonate-user'] ?? '';
  const uid = headers['impersonate-uid'] ?? '';
  const groupHeader = headers['impersonate-group'];
  const groups = groupHeader === undefined ? [] : valuesOf(groupHeader);
  const extra: Record<string, string[]> = {};
  for (const header in headers) {
    if (!header.startsWith(EXTRA_PREFIX)) continue;
    const key = unescaped(header.slice(EXTRA_PREFIX.length));
    extra[key] = [...(extra[key] ?? []), ...valuesOf(headers[header])];
  }
  const hasExtra = Object.keys(extra).length > 0;
  const wanted = { name, ...(uid ? { uid } : {}), groups, ...(hasExtra ? { extra } : {}) };
  if (name !== '') return wanted;
  if (uid === '' && groups.length === 0 && !hasExtra) return undefined;
  throw statusError.badRequest(`requested ${goText(wanted)} without impersonating a user name`);
}
