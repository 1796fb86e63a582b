// A definition as upstream's rules see it: what all versions have in common stands once, in the spec (apiextensions apis/apiextensions/v1
// conversion.go).
import { jsonEqual } from '@tiphys/machinery';
import type { Definition } from './conditions.ts';

type Spec = Definition['spec'];
type Version = Spec['versions'][number];
type Schema = Version['schema'];

/** What a version says, or all of them. */
export interface Described {
  schema?: Schema;
  subresources?: Version['subresources'];
  additionalPrinterColumns?: Version['additionalPrinterColumns'];
  selectableFields?: Version['selectableFields'];
}

export interface InternalForm {
  common: Described;
  versions: Version[];
}

const SHARED = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;

const present = (value: unknown) => (value === undefined || (Array.isArray(value) && value.length === 0) ? null : value);

export function internalForm({ versions }: Spec): InternalForm {
  const own: Version[] = (versions ?? []).map((version) => ({ ...version }));
  const [first] = versions ?? [];
  const common: Record<string, unknown> = {};
  for (const name of SHARED) {
    if (!first || !own.every((version) => jsonEqual(present(version[name]), present(first[name])))) continue;
    if (present(first[name]) !== null) common[name] = first[name];
    for (const version of own) delete version[name];
  }
  return { common, versions: own };
}
