// The extensions of certificates that Go knows (crypto/x509 parser.go processExtensions, verify.go parseRFC2821Mailbox; RFC 5280 4.2).
import { goQuoted, parseUrl, referenceProblem } from '@tiphys/machinery';
import { parseAddress } from '../rules/addresses.ts';
import { DER, DerCursor, fits, isNegative, numbered, numberedHolder } from './der-cursor.ts';
import { X509Fault } from './der-reader.ts';
import { isAscii } from './name-text.ts';

export interface Extension {
  identifier: string;
  isCritical: boolean;
  value: Buffer;
}

const INTEGER_BYTES_MAX = 8;
const AUTHORITY_ACCESS = '1.3.6.1.5.5.7.1.1';
/** Forms of names, by their numbers. */
const NAME = { email: 1, dns: 2, uri: 6, address: 7 } as const;
const NAME_WORDS: Readonly<Record<number, string>> = {
  [NAME.email]: 'rfc822Name',
  [NAME.dns]: 'dNSName',
  [NAME.uri]: 'uniformResourceIdentifier',
};
/** An address and its mask, in both families. */
const RANGE_BYTES = [8, 32];

const fault = (what: string): X509Fault => new X509Fault(`x509: ${what}`);
function demand(isMet: unknown, what: string): asserts isMet {
  if (!isMet) throw fault(what);
}

/** The list that an extension's value is; what may stand behind it is nobody's business. */
function listIn(value: Buffer, what: string): DerCursor {
  const list = new DerCursor(value).inner(DER.sequence);
  demand(list, what);
  return list;
}

/** As Go's net.ParseIP has it, to which a leading zero is none. */
function isAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && !address.leadingZeros;
}

/** A domain's labels are there, and of visible characters. */
function isDomain(domain: string, isConstraint: boolean): boolean {
  if (domain === '') return true;
  if (domain.endsWith('.')) return false;
  const labels = (isConstraint && domain.startsWith('.') ? domain.slice(1) : domain).split('.');
  return labels.every((label) => /^[\x21-\x7e]+$/.test(label));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 2822 has them
const QUOTED = /^"(?:[\x01-\x08\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*"@/;
const PLAIN = /^(?:\\[\s\S]|[0-9a-zA-Z!#$%&'*+\-/=?^_`{|}~.])+@/;

/** `local@domain`. */
function isMailbox(text: string): boolean {
  const local = (QUOTED.exec(text) ?? (text.startsWith('"') ? null : PLAIN.exec(text)))?.[0];
  if (local === undefined) return false;
  if (!local.startsWith('"')) {
    const plain = local.slice(0, -1).replace(/\\([\s\S])/g, '$1');
    if (plain.startsWith('.') || plain.endsWith('.') || plain.includes('..')) return false;
  }
  const domain = text.slice(local.length);
  return domain === '' || domain.split('.').every((label) => /^[\x21-\x7e]+$/.test(label));
}

function checkName(form: number, content: Buffer): void {
  const words = NAME_WORDS[form];
  demand(!words || isAscii(content), `SAN ${words} is malformed`);
  if (form === NAME.uri) {
    const text = content.toString('latin1');
    const problem = referenceProblem(text);
    demand(problem === undefined, `cannot parse URI ${goQuoted(content)}: ${problem}`);
    demand(isDomain(parseUrl(text).host, false), `cannot parse URI ${goQuoted(content)}: invalid domain`);
  }
  const isAddressLength = content.length === 4 || content.length === 16;
  demand(form !== NAME.address || isAddressLength, `cannot parse IP address of length ${content.length}`);
}

/** Other names of whom a certificate is for. Throws X509Fault. */
export function checkAlternativeNames(value: Buffer): void {
  const list = listIn(value, 'invalid subject alternative names');
  while (!list.isEmpty) {
    const name = list.any();
    demand(name, 'invalid subject alternative name');
    checkName(name.tag ^ numbered(0), name.content);
  }
}

function checkBasicConstraints(value: Buffer): void {
  const what = 'invalid basic constraints';
  const list = listIn(value, what);
  if (list.isNext(DER.boolean)) demand(list.boolean() !== undefined, what);
  if (!list.isNext(DER.integer)) return;
  const depth = list.integer();
  demand(depth && !isNegative(depth) && fits(depth, INTEGER_BYTES_MAX), what);
}

function checkConstraint(form: number, content: Buffer): void {
  const text = content.toString('latin1');
  if (form === NAME.address) {
    demand(RANGE_BYTES.includes(content.length), `IP constraint contained value of length ${content.length}`);
    const mask = content.subarray(content.length / 2);
    const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    demand(/^1*0*$/.test(bits), `IP constraint contained invalid mask ${mask.toString('hex')}`);
    return;
  }
  if (!NAME_WORDS[form]) return;
  demand(isAscii(content), `invalid constraint value: x509: ${goQuoted(content)} cannot be encoded as an IA5String`);
  const quoted = goQuoted(content);
  if (form === NAME.dns) demand(isDomain(text, true), `failed to parse dnsName constraint ${quoted}`);
  else if (form === NAME.email) {
    demand(text.includes('@') ? isMailbox(text) : isDomain(text, true), `failed to parse rfc822Name constraint ${quoted}`);
  } else {
    demand(!isAddress(text), `failed to parse URI constraint ${quoted}: cannot be IP address`);
    demand(isDomain(text, true), `failed to parse URI constraint ${quoted}`);
  }
}

function checkNameConstraints(value: Buffer): void {
  const invalid = 'invalid NameConstraints extension';
  const outer = new DerCursor(value);
  const list = outer.inner(DER.sequence);
  demand(list && outer.isEmpty, invalid);
  const trees: DerCursor[] = [];
  for (const tag of [numberedHolder(0), numberedHolder(1)]) {
    if (!list.isNext(tag)) continue;
    const tree = list.inner(tag);
    demand(tree, invalid);
    trees.push(tree);
  }
  demand(list.isEmpty, invalid);
  demand(
    trees.some((tree) => !tree.isEmpty),
    'empty name constraints extension',
  );
  for (const tree of trees) {
    while (!tree.isEmpty) {
      const base = tree.inner(DER.sequence)?.any();
      demand(base, invalid);
      checkConstraint(base.tag ^ numbered(0), base.content);
    }
  }
}

function checkRevocationPoints(value: Buffer): void {
  const list = listIn(value, 'invalid CRL distribution points');
  const what = 'invalid CRL distribution point';
  while (!list.isEmpty) {
    const point = list.inner(DER.sequence);
    demand(point, what);
    if (!point.isNext(numberedHolder(0))) continue;
    const full = point.inner(numberedHolder(0))?.inner(numberedHolder(0));
    demand(full, what);
    while (full.isNext(numbered(NAME.uri))) demand(full.any(), what);
  }
}

function checkPolicyConstraints(value: Buffer): void {
  const what = 'invalid policy constraints extension';
  const list = listIn(value, what);
  for (const tag of [numbered(0), numbered(1)]) {
    if (!list.isNext(tag)) continue;
    const content = list.integer(tag);
    demand(content && fits(content, INTEGER_BYTES_MAX), what);
  }
}

/** Each group of seven bits in as few bytes as can be, and the last one whole. */
function isIdentifier(bytes: Buffer): boolean {
  if (!bytes.length || bytes.at(-1)! >= 0x80) return false;
  return bytes.every((byte, i) => byte !== 0x80 || (i > 0 && bytes[i - 1]! >= 0x80));
}

function checkPolicies(value: Buffer): void {
  const what = 'invalid certificate policies';
  const seen = new Set<string>();
  const list = listIn(value, what);
  while (!list.isEmpty) {
    const identifier = list.inner(DER.sequence)?.content(DER.identifier);
    demand(identifier && !seen.has(identifier.toString('hex')) && isIdentifier(identifier), what);
    seen.add(identifier.toString('hex'));
  }
}

function checkPolicyMappings(value: Buffer): void {
  const what = 'invalid policy mappings extension';
  const list = listIn(value, what);
  while (!list.isEmpty) {
    const pair = list.inner(DER.sequence);
    demand(pair?.content(DER.identifier) && pair.content(DER.identifier), what);
  }
}

function checkUsages(value: Buffer): void {
  const what = 'invalid extended key usages';
  const list = listIn(value, what);
  while (!list.isEmpty) demand(list.identifier() !== undefined, what);
}

function checkAuthorityAccess({ isCritical, value }: Extension): void {
  demand(!isCritical, 'authority info access incorrectly marked critical');
  const what = 'invalid authority info access';
  const list = listIn(value, what);
  while (!list.isEmpty) {
    const access = list.inner(DER.sequence);
    demand(access && access.identifier() !== undefined, what);
    if (access.isNext(numbered(NAME.uri))) demand(access.any(), what);
  }
}

function checkSubjectKey({ isCritical, value }: Extension): void {
  demand(!isCritical, 'subject key identifier incorrectly marked critical');
  demand(new DerCursor(value).content(DER.octets), 'invalid subject key identifier');
}

function checkAuthorityKey({ isCritical, value }: Extension): void {
  demand(!isCritical, 'authority key identifier incorrectly marked critical');
  const list = listIn(value, 'invalid authority key identifier');
  if (list.isNext(numbered(0))) demand(list.any(), 'invalid authority key identifier');
}

function checkInhibition(value: Buffer): void {
  const count = new DerCursor(value).integer();
  demand(count && fits(count, INTEGER_BYTES_MAX), 'invalid inhibit any policy extension');
}

/** By the identifiers that RFC 5280 gives. */
const CHECKS: Readonly<Record<string, (extension: Extension) => void>> = {
  '2.5.29.14': checkSubjectKey,
  '2.5.29.15': ({ value }) => demand(new DerCursor(value).bits(), 'invalid key usage'),
  '2.5.29.17': ({ value }) => checkAlternativeNames(value),
  '2.5.29.19': ({ value }) => checkBasicConstraints(value),
  '2.5.29.30': ({ value }) => checkNameConstraints(value),
  '2.5.29.31': ({ value }) => checkRevocationPoints(value),
  '2.5.29.32': ({ value }) => checkPolicies(value),
  '2.5.29.33': ({ value }) => checkPolicyMappings(value),
  '2.5.29.35': checkAuthorityKey,
  '2.5.29.36': ({ value }) => checkPolicyConstraints(value),
  '2.5.29.37': ({ value }) => checkUsages(value),
  '2.5.29.54': ({ value }) => checkInhibition(value),
  [AUTHORITY_ACCESS]: checkAuthorityAccess,
};

/** Throws X509Fault for the first that can't be read. Others than these say nothing to Go. */
export function checkExtensions(extensions: readonly Extension[]): void {
  for (const extension of extensions) CHECKS[extension.identifier]?.(extension);
}
