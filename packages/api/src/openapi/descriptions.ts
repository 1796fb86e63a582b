// Short descriptions of kinds and fields for `explain`, in our own words. A field's text is chosen by its full name first
// (`PodSpec.hostname`), then by its bare name.
import { FIELDS } from './field-descriptions.ts';
import { KINDS, PARTS } from './kind-descriptions.ts';
import { FIELDS_OF_TYPES } from './type-field-descriptions.ts';

/** `io.k8s.api.core.v1.Pod` → a sentence, or the split-up name. */
export function describeType(typeName: string): string {
  const name = typeName.slice(typeName.lastIndexOf('.') + 1);
  const known = KINDS[name] ?? PARTS[name];
  if (known) return known;
  if (name.endsWith('List') && KINDS[name.slice(0, -4)]) return `A list of ${name.slice(0, -4)} objects.`;
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(' ');
  return `${[words[0], ...words.slice(1).map((word) => (/^[A-Z]+$/.test(word) ? word : word.toLowerCase()))].join(' ')}.`;
}

export function describeField(typeName: string, field: string): string {
  return (
    FIELDS_OF_TYPES[`${typeName.slice(typeName.lastIndexOf('.') + 1)}.${field}`] ??
    FIELDS[field] ??
    `The ${field} of this ${typeName.slice(typeName.lastIndexOf('.') + 1)}.`
  );
}
