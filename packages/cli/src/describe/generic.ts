// Everything without a description of its own: every field, with a title made of its name; and data, whose values may be secret.
import type { KubeObject } from '@tiphys/api';
import { writeHead } from './common.ts';
import type { Writer } from './writer.ts';

const SKIPPED = new Set(['.metadata.managedFields', '.metadata.name', '.metadata.namespace', '.metadata.labels', '.metadata.annotations']);
const ACRONYMS = new Set(['API', 'URL', 'UID', 'GUID']);

/** `lastTransitionTime` → `Last Transition Time`; names with other characters stay. */
export function titleOf(field: string): string {
  if (!/^[\p{L}-]+$/u.test(field)) return field;
  const parts = field.match(/\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}+|-+/gu) ?? [field];
  return parts
    .map((part) =>
      ACRONYMS.has(part.toUpperCase())
        ? part.toUpperCase()
        : part === part.toLowerCase()
          ? part.charAt(0).toUpperCase() + part.slice(1)
          : part,
    )
    .join(' ');
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function writeFields(w: Writer, level: number, content: Record<string, unknown>, path: string): void {
  for (const field of Object.keys(content).sort()) {
    const value = content[field];
    const inner = `${path}.${field}`;
    if (SKIPPED.has(inner)) continue;
    if (isMap(value)) {
      w.line(level, `${titleOf(field)}:`);
      writeFields(w, level + 1, value, inner);
    } else if (Array.isArray(value)) {
      w.line(level, `${titleOf(field)}:`);
      for (const item of value) {
        if (isMap(item)) writeFields(w, level + 1, item, inner);
        else w.line(level + 1, String(item));
      }
    } else w.line(level, `${titleOf(field)}:\t${value === null ? '<nil>' : value}`);
  }
}

export function writeGeneric(w: Writer, object: KubeObject): void {
  writeHead(w, object.metadata);
  writeFields(w, 0, object as unknown as Record<string, unknown>, '');
}

const bytesOf = (base64: string) => Buffer.from(base64, 'base64').length;

/** A secret's sizes, never its values. */
export function writeSecret(w: Writer, secret: any): void {
  writeHead(w, secret.metadata);
  w.raw(`\nType:\t${secret.type}\n\nData\n====\n`);
  for (const name of Object.keys(secret.data ?? {}).sort()) {
    const isToken = name === 'token' && secret.type === 'kubernetes.io/service-account-token';
    w.line(0, `${name}:\t${isToken ? Buffer.from(secret.data[name], 'base64').toString('utf8') : `${bytesOf(secret.data[name])} bytes`}`);
  }
}

export function writeConfigMap(w: Writer, map: any): void {
  writeHead(w, map.metadata);
  w.raw('\nData\n====\n');
  for (const name of Object.keys(map.data ?? {}).sort()) w.raw(`${name}:\n----\n${map.data[name]}\n\n`);
  w.raw('\nBinaryData\n====\n');
  for (const name of Object.keys(map.binaryData ?? {}).sort()) w.raw(`${name}: ${bytesOf(map.binaryData[name])} bytes\n`);
  w.raw('\n');
}
